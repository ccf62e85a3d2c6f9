using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>A unit's inputs or targets for all calibration images, as the stream gave them: one tensor a batch.</summary>
internal sealed class ActivationCache
{
    private readonly IReadOnlyList<Tensor> _batches;
    private readonly int _axis;
    private readonly long[] _starts;
    private readonly ScalarType? _type;

    /// <summary>Creates a cache.</summary>
    /// <param name="batches">The tensors.</param>
    /// <param name="axis">The axis along which images lie.</param>
    /// <param name="imageCounts">The number of images in each; windows, say, may make several entries of an image, one after the other.</param>
    /// <param name="type">The type that entries are read as; null for their own.</param>
    public ActivationCache(IReadOnlyList<Tensor> batches, int axis, IReadOnlyList<long> imageCounts, ScalarType? type = null)
    {
        _batches = batches;
        _type = type;
        _axis = axis;
        _starts = new long[batches.Count + 1];
        for (var i = 0; i < batches.Count; i++)
        {
            _starts[i + 1] = _starts[i] + imageCounts[i];
        }
    }

    /// <summary>The number of images.</summary>
    public int Count => (int)_starts[^1];

    /// <summary>The number of batches.</summary>
    public int BatchCount => _batches.Count;

    /// <summary>A batch; the open dispose scope owns it if it had to be converted.</summary>
    public Tensor Batch(int index) => Read(_batches[index]);

    /// <summary>The number of images in a batch.</summary>
    public long ImagesIn(int batch) => _starts[batch + 1] - _starts[batch];

    /// <summary>A tensor of the cache's kind with its images first.</summary>
    public Tensor ImagesFirst(Tensor tensor) => _axis == 0 ? tensor : tensor.movedim([_axis], [0L]);

    /// <summary>Copies single images into one tensor.</summary>
    public Tensor Gather(ReadOnlySpan<int> indices)
    {
        using var scope = NewDisposeScope();
        var images = new Tensor[indices.Length];
        for (var i = 0; i < indices.Length; i++)
        {
            var batch = Array.BinarySearch(_starts, indices[i]);
            batch = batch < 0 ? ~batch - 1 : batch;
            var entries = _batches[batch].shape[_axis] / ImagesIn(batch);
            images[i] = _batches[batch].narrow(_axis, (indices[i] - _starts[batch]) * entries, entries);
        }

        return scope.MoveToOuter(Read(cat(images, _axis)));
    }

    private Tensor Read(Tensor kept) => _type is { } type && kept.dtype != type ? kept.to(type) : kept;
}
