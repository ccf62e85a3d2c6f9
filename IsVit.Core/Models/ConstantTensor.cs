using System.Collections.Concurrent;
using TorchSharp;

namespace IsVit.Core.Models;

/// <summary>
/// A tensor that follows from a module's shape and is no part of its state. No buffer: TorchSharp 0.107.0 makes a buffer that is not persistent a persistent one as soon as the module is moved.
/// </summary>
/// <param name="make">Makes it on the CPU.</param>
internal sealed class ConstantTensor(Func<torch.Tensor> make) : IDisposable
{
    private readonly ConcurrentDictionary<(torch.ScalarType Type, string Device), Lazy<torch.Tensor>> _made = new();

    /// <summary>The tensor in a type and on a device, made there once.</summary>
    /// <param name="type">The type.</param>
    /// <param name="device">The device.</param>
    public torch.Tensor In(torch.ScalarType type, torch.Device device) => _made.GetOrAdd((type, device.ToString()), _ => new Lazy<torch.Tensor>(() => Make(type, device))).Value;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _made.Values)
        {
            tensor.Value.Dispose();
        }

        _made.Clear();
    }

    private torch.Tensor Make(torch.ScalarType type, torch.Device device)
    {
        using var scope = torch.NewDisposeScope();
        return make().to(type, device).DetachFromDisposeScope();
    }
}
