using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>A unit's inputs or targets for all calibration images, as the stream gave them: one tensor a batch.</summary>
internal sealed class ActivationCache
{
    private readonly IReadOnlyList<Tensor> _batches;
    private readonly long[] _starts;

    public ActivationCache(IReadOnlyList<Tensor> batches)
    {
        _batches = batches;
        _starts = new long[batches.Count + 1];
        for (var i = 0; i < batches.Count; i++)
        {
            _starts[i + 1] = _starts[i] + batches[i].shape[0];
        }
    }

    public int Count => (int)_starts[^1];

    public IReadOnlyList<Tensor> Batches => _batches;

    /// <summary>Copies single samples into one tensor.</summary>
    public Tensor Gather(ReadOnlySpan<int> indices)
    {
        using var scope = NewDisposeScope();
        var samples = new Tensor[indices.Length];
        for (var i = 0; i < indices.Length; i++)
        {
            var batch = Array.BinarySearch(_starts, indices[i]);
            batch = batch < 0 ? ~batch - 1 : batch;
            samples[i] = _batches[batch].select(0, indices[i] - _starts[batch]);
        }

        return scope.MoveToOuter(stack(samples));
    }
}
