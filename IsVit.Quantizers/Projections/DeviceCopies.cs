using TorchSharp;

namespace IsVit.Quantizers.Projections;

/// <summary>A vector's copy on the device that asked last, kept until the vector changes; it outlives dispose scopes.</summary>
internal sealed class DeviceCopies
{
    private readonly object _lock = new();
    private torch.Tensor? _copy;

    /// <summary>The vector as a float32 tensor; the caller does not own it.</summary>
    public torch.Tensor Get(float[] values, torch.Device device)
    {
        lock (_lock)
        {
            return GetLocked(values, device);
        }
    }

    /// <summary>Frees the copy.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _copy?.Dispose();
            _copy = null;
        }
    }

    private torch.Tensor GetLocked(float[] values, torch.Device device)
    {
        if (_copy is { } copy && copy.device_type == device.type && (device.index < 0 || copy.device_index == device.index))
        {
            return copy;
        }

        Clear();
        using var scope = torch.NewDisposeScope();
        return _copy = torch.tensor(values, torch.ScalarType.Float32).to(device).DetachFromDisposeScope();
    }
}
