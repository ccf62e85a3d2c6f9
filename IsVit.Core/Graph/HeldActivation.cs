using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>A tensor at a unit's boundary in a forward that halts, and where its numbers are meanwhile.</summary>
internal sealed class HeldActivation(Tensor value)
{
    private Tensor? _parked;

    /// <summary>The tensor.</summary>
    public Tensor Value => value;

    /// <summary>The numbers as they can be read: the tensor, or what stands for it, perhaps of another type.</summary>
    public Tensor Readable => _parked ?? value;

    public void Park(IActivationStore store)
    {
        if (!value.IsInvalid)
        {
            _parked ??= store.Park(value);
        }
    }

    public void Restore(IActivationStore store)
    {
        if (_parked is { } parked)
        {
            _parked = null;
            store.Restore(value, parked);
        }
    }

    /// <summary>Frees what stands for a tensor that is not needed any more.</summary>
    public void Release()
    {
        if (_parked is not null && !ReferenceEquals(_parked, value))
        {
            _parked.Dispose();
        }

        _parked = null;
    }
}
