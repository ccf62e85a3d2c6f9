using BenchmarkDotNet.Attributes;
using IsVit.Detection.Operators;
using TorchSharp;

namespace IsVit.Benchmarks.Detection;

/// <summary>100 masks of 28 x 28 pasted on an image of 800 x 1333 pixels, boxes of 200 x 200; the baseline writes as many zeros.</summary>
public class MaskPasting
{
    private const int Count = 100;
    private const int Height = 800;
    private const int Width = 1333;
    private torch.Tensor _masks = null!;
    private torch.Tensor _boxes = null!;

    [GlobalSetup]
    public void Setup()
    {
        using var scope = torch.NewDisposeScope();
        _masks = torch.rand([Count, 28, 28]).DetachFromDisposeScope();
        var corners = torch.rand([Count, 2]).mul(torch.tensor(new float[] { Width - 200, Height - 200 }));
        _boxes = torch.cat([corners, corners.add(200)], 1).DetachFromDisposeScope();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _masks.Dispose();
        _boxes.Dispose();
    }

    [Benchmark(Baseline = true, Description = "zeros")]
    public void Zeros() => torch.zeros([Count, Height, Width], torch.ScalarType.Byte).Dispose();

    [Benchmark(Description = "masks")]
    public void Masks() => MaskPaste.Apply(_masks, _boxes, Height, Width).Dispose();
}
