using BenchmarkDotNet.Attributes;
using IsVit.Model.Quantization;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.Uniform;
using TorchSharp;

namespace IsVit.Benchmarks.Quantizers;

/// <summary>What choosing parameters costs, on the sizes of DeiT-Tiny and 64 images; the baseline looks at the ends of the range only.</summary>
public class RangeSearches
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
    public void ActivationMinMax() => Uniform(_activation, Granularity.Tensor, RangeSearch.MinMax);

    [Benchmark(Description = "percentiles")]
    [BenchmarkCategory("activation 64x197x192, per tensor")]
    public void ActivationPercentiles() => Uniform(_activation, Granularity.Tensor, RangeSearch.ActivationPercentiles);

    [Benchmark(Description = "fine")]
    [BenchmarkCategory("activation 64x197x192, per tensor")]
    public void ActivationFine() => Uniform(_activation, Granularity.Tensor, RangeSearch.Fine);

    [Benchmark(Baseline = true, Description = "smallest to largest")]
    [BenchmarkCategory("activation 64x197x192, per channel")]
    public void ChannelMinMax() => Uniform(_activation, Granularity.Channel(-1), RangeSearch.MinMax);

    [Benchmark(Description = "percentiles")]
    [BenchmarkCategory("activation 64x197x192, per channel")]
    public void ChannelPercentiles() => Uniform(_activation, Granularity.Channel(-1), RangeSearch.ActivationPercentiles);

    [Benchmark(Description = "fine")]
    [BenchmarkCategory("activation 64x197x192, per channel")]
    public void ChannelFine() => Uniform(_activation, Granularity.Channel(-1), RangeSearch.Fine);

    [Benchmark(Baseline = true, Description = "smallest to largest")]
    [BenchmarkCategory("weight 768x192, per row")]
    public void WeightMinMax() => Uniform(_weight, Granularity.Channel(0), RangeSearch.MinMax);

    [Benchmark(Description = "percentiles")]
    [BenchmarkCategory("weight 768x192, per row")]
    public void WeightPercentiles() => Uniform(_weight, Granularity.Channel(0), RangeSearch.WeightPercentiles);

    [Benchmark(Description = "fine")]
    [BenchmarkCategory("weight 768x192, per row")]
    public void WeightFine() => Uniform(_weight, Granularity.Channel(0), RangeSearch.Fine);

    [Benchmark(Baseline = true, Description = "smallest to largest")]
    [BenchmarkCategory("attention 64x3x197x197, per tensor")]
    public void AttentionMinMax() => Uniform(_attention, Granularity.Tensor, RangeSearch.MinMax);

    [Benchmark(Description = "sulq, grid of shifts")]
    [BenchmarkCategory("attention 64x3x197x197, per tensor")]
    public void AttentionSulq()
    {
        using var quantizer = new ShiftUniformLog2Quantizer(Bits, Granularity.Tensor);
        quantizer.Calibrate(_attention);
    }

    private void Uniform(torch.Tensor data, Granularity granularity, RangeSearch search)
    {
        using var quantizer = new UniformQuantizer(Bits, granularity, new() { RangeSearch = search });
        quantizer.Calibrate(data);
    }
}
