using System.Runtime.CompilerServices;
using IsVit.Core.Graph;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Keeps float32 activations as bfloat16 while their forward stands still.</summary>
internal sealed class BFloat16Store : IActivationStore
{
    // Tensors of bfloat16 that stand for float32 ones, and not for themselves.
    private readonly ConditionalWeakTable<Tensor, object?> _offloaded = [];

    /// <summary>The type of the activation that a tensor stands for.</summary>
    /// <param name="readable">The activation itself, or what <see cref="Offload"/> returned for it.</param>
    public ScalarType TypeOf(Tensor readable) => _offloaded.TryGetValue(readable, out _) ? ScalarType.Float32 : readable.dtype;

    public Tensor Offload(Tensor value)
    {
        if (value.dtype != ScalarType.Float32)
        {
            return value;
        }

        using var scope = NewDisposeScope();
        var offloaded = value.to(ScalarType.BFloat16);
        value.set_(empty(0L, ScalarType.Float32, value.device));
        _offloaded.Add(offloaded, null);
        return offloaded.DetachFromDisposeScope();
    }

    public void Restore(Tensor value, Tensor offloaded)
    {
        if (ReferenceEquals(value, offloaded))
        {
            return;
        }

        using var scope = NewDisposeScope();
        if (!value.IsInvalid)
        {
            value.set_(offloaded.to(ScalarType.Float32));
        }

        offloaded.Dispose();
    }
}
