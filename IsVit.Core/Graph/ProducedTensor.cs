using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>What a LayerNorm, Softmax or GELU gave while a graph was traced, kept to be found again.</summary>
internal sealed class ProducedTensor : IDisposable
{
    private readonly Tensor _given;
    private readonly Tensor _copy;
    private readonly bool _byChannel;
    private readonly (double Min, double Max) _range;
    private Tensor? _sorted;

    /// <summary>Remembers an output.</summary>
    /// <param name="call">The number of the call that gave it.</param>
    /// <param name="identity">Its memory.</param>
    /// <param name="given">The output, kept alive by the caller.</param>
    /// <param name="byChannel">Whether the numbers of the last axis keep their place there wherever the tensor is rearranged.</param>
    public ProducedTensor(int call, TensorIdentity identity, Tensor given, bool byChannel)
    {
        (Call, Identity, _given, _byChannel) = (call, identity, given, byChannel);
        _copy = given.clone().DetachFromDisposeScope();
        _range = Range(_copy);
    }

    public int Call { get; }

    public TensorIdentity Identity { get; }

    /// <summary>Whether the memory still holds the numbers that were given: numbers that were changed in place have lost their role.</summary>
    public bool IsUnchanged
    {
        get
        {
            using var scope = NewDisposeScope();
            return _given.eq(_copy).all().item<bool>();
        }
    }

    /// <summary>Whether a tensor of other memory holds the same numbers in another order, as a copy, a roll or a cut into windows has them.</summary>
    /// <param name="tensor">The tensor.</param>
    public bool IsRearrangedIn(Tensor tensor)
    {
        if (tensor.numel() != _copy.numel() || tensor.dtype != _copy.dtype || tensor.device_type != _copy.device_type || tensor.device_index != _copy.device_index || tensor.numel() == 0 || (_byChannel && tensor.shape[^1] != _copy.shape[^1]))
        {
            return false;
        }

        // Sorting is dear, and almost every other tensor differs in its extremes.
        using var scope = NewDisposeScope();
        if (Range(tensor) != _range || double.IsNaN(_range.Min))
        {
            return false;
        }

        _sorted ??= Sort(_copy).DetachFromDisposeScope();
        return _sorted.eq(Sort(tensor)).all().item<bool>();
    }

    public void Dispose()
    {
        _copy.Dispose();
        _sorted?.Dispose();
    }

    private static (double Min, double Max) Range(Tensor tensor)
    {
        if (tensor.numel() == 0)
        {
            return default;
        }

        using var scope = NewDisposeScope();
        return (tensor.min().to(ScalarType.Float64).item<double>(), tensor.max().to(ScalarType.Float64).item<double>());
    }

    private Tensor Sort(Tensor tensor) => (_byChannel ? tensor.reshape(-1, tensor.shape[^1]) : tensor.reshape(-1, 1)).sort(0).Values;
}
