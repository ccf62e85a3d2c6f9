using IsVit.Core.Graph;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Until it is disposed, activation sites give a random share of what they read as it is. The gradient stays that of rounding, which passes through as well, save where it is clamped.</summary>
internal sealed class DroppedRoundings : IDisposable
{
    private readonly IReadOnlyList<SiteBinding> _sites;

    /// <param name="sites">Sites of activations.</param>
    /// <param name="masks">Draws the share.</param>
    public DroppedRoundings(IReadOnlyList<SiteBinding> sites, DropMasks masks)
    {
        _sites = sites;
        foreach (var site in sites)
        {
            site.Blend = (x, quantized) =>
            {
                using var noGrad = no_grad();
                using var numbers = x.detach();
                using var result = quantized.detach();
                using var mask = masks.Next(result);
                result.lerp_(numbers, mask);
            };
        }
    }

    public void Dispose()
    {
        foreach (var site in _sites)
        {
            site.Blend = null;
        }
    }
}
