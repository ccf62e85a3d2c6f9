using TorchSharp;

namespace IsVit.Benchmarks.Optimization;

/// <summary>A transformer block of which one step of training is measured.</summary>
/// <param name="Width">Its embedding dimension, a multiple of 64: 192 for DeiT-Tiny, 768 for ViT-Base.</param>
/// <param name="Device">Where it is.</param>
internal sealed record UnitShape(int Width, torch.Device Device)
{
    /// <summary>DeiT-Tiny's on the CPU.</summary>
    public static UnitShape DeitTiny { get; } = new(192, torch.CPU);
}
