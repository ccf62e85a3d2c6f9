using IsVit.Core.Graph;
using IsVit.Core.Samples;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>The tensors that flow into a unit, or out of it, for all calibration samples, as the stream gave them, batch by batch.</summary>
internal sealed class ActivationCache
{
    private readonly IReadOnlyList<IReadOnlyList<Tensor>> _batches;
    private readonly IReadOnlyList<int> _axes;
    private readonly long[] _starts;
    private readonly IReadOnlyList<ScalarType?> _types;

    /// <summary>Creates a cache.</summary>
    /// <param name="batches">The tensors of each batch.</param>
    /// <param name="axes">The axis of each tensor along which samples lie; <see cref="BatchAxes.SameForAll"/> for one that all samples share, of which that of the first batch is taken.</param>
    /// <param name="sampleCounts">The number of samples in each batch; windows, say, may make several entries of a sample, one after the other.</param>
    /// <param name="types">The type that each tensor is read as; null for its own.</param>
    public ActivationCache(IReadOnlyList<IReadOnlyList<Tensor>> batches, IReadOnlyList<int> axes, IReadOnlyList<long> sampleCounts, IReadOnlyList<ScalarType?>? types = null)
    {
        _batches = batches;
        _types = types ?? new ScalarType?[axes.Count];
        _axes = axes;
        _starts = new long[batches.Count + 1];
        for (var i = 0; i < batches.Count; i++)
        {
            _starts[i + 1] = _starts[i] + sampleCounts[i];
        }
    }

    /// <summary>The number of samples.</summary>
    public int Count => (int)_starts[^1];

    /// <summary>The number of batches.</summary>
    public int BatchCount => _batches.Count;

    /// <summary>The model's own inputs.</summary>
    public static ActivationCache Of(IReadOnlyList<SampleBatch> batches) =>
        new([.. batches.Select(static batch => batch.Inputs)], [.. batches[0].Inputs.Select(static _ => 0)], [.. batches.Select(static batch => batch.Count)]);

    /// <summary>The tensors of a batch; the open dispose scope owns those that had to be converted.</summary>
    public IReadOnlyList<Tensor> Batch(int index) => [.. _axes.Select((axis, i) => Read(_batches[axis == BatchAxes.SameForAll ? 0 : index][i], i))];

    /// <summary>The number of samples in a batch.</summary>
    public long SamplesIn(int batch) => _starts[batch + 1] - _starts[batch];

    /// <summary>Whether all samples share a tensor.</summary>
    public bool IsShared(int tensor) => _axes[tensor] == BatchAxes.SameForAll;

    /// <summary>A tensor like one of the cache's with its samples first.</summary>
    public Tensor SamplesFirst(Tensor tensor, int which) => _axes[which] <= 0 ? tensor : tensor.movedim([_axes[which]], [0L]);

    /// <summary>Copies single samples into one tensor of each; one that all share is no copy.</summary>
    public IReadOnlyList<Tensor> Gather(ReadOnlySpan<int> indices)
    {
        var gathered = new List<Tensor>(_axes.Count);
        for (var i = 0; i < _axes.Count; i++)
        {
            gathered.Add(IsShared(i) ? Read(_batches[0][i], i) : Gather(indices, i));
        }

        return gathered;
    }

    private Tensor Gather(ReadOnlySpan<int> indices, int tensor)
    {
        using var scope = NewDisposeScope();
        var axis = _axes[tensor];
        var samples = new Tensor[indices.Length];
        for (var i = 0; i < indices.Length; i++)
        {
            var batch = Array.BinarySearch(_starts, indices[i]);
            batch = batch < 0 ? ~batch - 1 : batch;
            var kept = _batches[batch][tensor];
            var entries = kept.shape[axis] / SamplesIn(batch);
            samples[i] = kept.narrow(axis, (indices[i] - _starts[batch]) * entries, entries);
        }

        return scope.MoveToOuter(Read(cat(samples, axis), tensor));
    }

    private Tensor Read(Tensor kept, int tensor) => _types[tensor] is { } type && kept.dtype != type ? kept.to(type) : kept;
}
