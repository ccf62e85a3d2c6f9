using BenchmarkDotNet.Attributes;
using IsVit.Model.Quantization;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.Uniform;
using TorchSharp;

namespace IsVit.Benchmarks.Quantizers;

/// <summary>What choosing parameters costs, on the sizes of DeiT-Tiny and 64 images; the baseline looks at the ends of the range only.</summary>
public class RangeObservers
{
    private torch.Tensor _activation = null!;
    private torch.Tensor _weight = null!;
    private torch.Tensor _attention = null!;

    /// <summary>Bits.</summary>
    [Params(3, 8)]
    public int Bits { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        torch.random.manual_seed(0);
        using var scope = torch.NewDisposeScope();
        _activation = torch.randn(64, 197, 192).DetachFromDisposeScope();
        _weight = torch.randn(768, 192).DetachFromDisposeScope();
        _attention = (torch.randn(64, 3, 197, 197) * 3).softmax(-1).DetachFromDisposeScope();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _activation.Dispose();
        _weight.Dispose();
        _attention.Dispose();
    }

    [Benchmark(Baseline = true, Description = "smallest to largest")]
    [BenchmarkCategory("activation 64x197x192, per tensor")]
    public void ActivationMinMax() => Uniform(_activation, Granularity.Tensor, RangeObserver.MinMax);

    [Benchmark(Description = "percentiles")]
    [BenchmarkCategory("activation 64x197x192, per tensor")]
    public void ActivationPercentiles() => Uniform(_activation, Granularity.Tensor, RangeObserver.ActivationPercentiles);

    [Benchmark(Description = "mse")]
    [BenchmarkCategory("activation 64x197x192, per tensor")]
    public void ActivationFine() => Uniform(_activation, Granularity.Tensor, RangeObserver.Mse);

    [Benchmark(Baseline = true, Description = "smallest to largest")]
    [BenchmarkCategory("activation 64x197x192, per channel")]
    public void ChannelMinMax() => Uniform(_activation, Granularity.Channel(-1), RangeObserver.MinMax);

    [Benchmark(Description = "percentiles")]
    [BenchmarkCategory("activation 64x197x192, per channel")]
    public void ChannelPercentiles() => Uniform(_activation, Granularity.Channel(-1), RangeObserver.ActivationPercentiles);

    [Benchmark(Description = "mse")]
    [BenchmarkCategory("activation 64x197x192, per channel")]
    public void ChannelFine() => Uniform(_activation, Granularity.Channel(-1), RangeObserver.Mse);

    [Benchmark(Baseline = true, Description = "smallest to largest")]
    [BenchmarkCategory("weight 768x192, per row")]
    public void WeightMinMax() => Uniform(_weight, Granularity.Channel(0), RangeObserver.MinMax);

    [Benchmark(Description = "percentiles")]
    [BenchmarkCategory("weight 768x192, per row")]
    public void WeightPercentiles() => Uniform(_weight, Granularity.Channel(0), RangeObserver.WeightPercentiles);

    [Benchmark(Description = "mse")]
    [BenchmarkCategory("weight 768x192, per row")]
    public void WeightFine() => Uniform(_weight, Granularity.Channel(0), RangeObserver.Mse);

    [Benchmark(Baseline = true, Description = "smallest to largest")]
    [BenchmarkCategory("attention 64x3x197x197, per tensor")]
    public void AttentionMinMax() => Uniform(_attention, Granularity.Tensor, RangeObserver.MinMax);

    [Benchmark(Description = "sulq, grid of shifts")]
    [BenchmarkCategory("attention 64x3x197x197, per tensor")]
    public void AttentionSulq()
    {
        using var quantizer = new ShiftUniformLog2Quantizer(Bits, Granularity.Tensor);
        quantizer.Calibrate(_attention);
    }

    private void Uniform(torch.Tensor data, Granularity granularity, RangeObserver search)
    {
        using var quantizer = new UniformQuantizer(Bits, granularity, new() { RangeObserver = search });
        quantizer.Calibrate(data);
    }
}
