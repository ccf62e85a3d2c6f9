using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>A tensor at a unit's boundary in a forward that halts, and where its numbers are meanwhile.</summary>
internal sealed class OffloadedActivation(Tensor value)
{
    private Tensor? _offloaded;

    /// <summary>The tensor.</summary>
    public Tensor Value => value;

    /// <summary>The numbers as they can be read: the tensor, or what stands for it, perhaps of another type.</summary>
    public Tensor Readable => _offloaded ?? value;

    public void Offload(IActivationStore store)
    {
        if (!value.IsInvalid)
        {
            _offloaded ??= store.Offload(value);
        }
    }

    public void Restore(IActivationStore store)
    {
        if (_offloaded is { } offloaded)
        {
            _offloaded = null;
            store.Restore(value, offloaded);
        }
    }

    /// <summary>Frees what stands for a tensor that is not needed any more.</summary>
    public void Release()
    {
        if (_offloaded is not null && !ReferenceEquals(_offloaded, value))
        {
            _offloaded.Dispose();
        }

        _offloaded = null;
    }
}
