using BenchmarkDotNet.Attributes;
using IsVit.Core.Quantization;
using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.Uniform;
using TorchSharp;

namespace IsVit.Benchmarks.Quantizers;

/// <summary>One activation of 32 x 197 x 768 float32 numbers, fake-quantized in one pass over memory and, as the baseline, in separate tensor operations.</summary>
public class FakeQuantization
{
    private static readonly long[] Shape = [32, 197, 768];
    private IQuantizer _quantizer = null!;
    private torch.Tensor _x = null!;
    private torch.Tensor _leaf = null!;
    private torch.Tensor _upstream = null!;

    /// <summary>The quantizer and what shares a scale.</summary>
    [Params("uniform per tensor", "uniform per channel", "uniform per row", "sulq free", "sulq power of two")]
    public string Quantizer { get; set; } = "";

    /// <summary>Bits.</summary>
    [Params(4)]
    public int Bits { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        torch.random.manual_seed(0);
        using var scope = torch.NewDisposeScope();
        var normal = torch.randn(Shape);
        _x = (Quantizer.StartsWith("sulq", StringComparison.Ordinal) ? (normal * 3).softmax(-1) : normal).DetachFromDisposeScope();
        _leaf = _x.clone().requires_grad_().DetachFromDisposeScope();
        _upstream = torch.randn(Shape).DetachFromDisposeScope();
        _quantizer = Quantizer switch
        {
            "uniform per tensor" => new UniformQuantizer(Bits, Granularity.Tensor),
            "uniform per channel" => new UniformQuantizer(Bits, Granularity.Channel(-1)),
            "uniform per row" => new UniformQuantizer(Bits, Granularity.Channel(0)),
            "sulq free" => new ShiftUniformLog2Quantizer(Bits, Granularity.Tensor),
            "sulq power of two" => new ShiftUniformLog2Quantizer(Bits, Granularity.Tensor, new() { Levels = SulqLevels.PowerOfTwo }),
            _ => throw new InvalidOperationException($"'{Quantizer}' is no quantizer of this benchmark."),
        };
        _quantizer.Calibrate(_x);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _quantizer.Dispose();
        _x.Dispose();
        _leaf.Dispose();
        _upstream.Dispose();
    }

    [Benchmark(Baseline = true, Description = "separate operations")]
    [BenchmarkCategory("forward")]
    public void EagerForward()
    {
        using var eager = KernelSwitch.Eager();
        Forward();
    }

    [Benchmark(Description = "one pass")]
    [BenchmarkCategory("forward")]
    public void FusedForward() => Forward();

    [Benchmark(Baseline = true, Description = "separate operations")]
    [BenchmarkCategory("forward and backward")]
    public void EagerBoth()
    {
        using var eager = KernelSwitch.Eager();
        Both();
    }

    [Benchmark(Description = "one pass")]
    [BenchmarkCategory("forward and backward")]
    public void FusedBoth() => Both();

    private void Forward()
    {
        using var output = _quantizer.FakeQuantize(_x);
    }

    private void Both()
    {
        using var scope = torch.NewDisposeScope();
        _quantizer.FakeQuantize(_leaf).backward([_upstream]);
        _leaf.grad!.Dispose();
        _leaf.grad = null;
    }
}
