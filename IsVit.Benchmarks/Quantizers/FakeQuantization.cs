using BenchmarkDotNet.Attributes;
using TorchSharp;

namespace IsVit.Benchmarks.Quantizers;

/// <summary>One activation of 32 x 197 x 768 numbers (on a CUDA device 512 x 197 x 768), fake-quantized by a formula of tensor operations (the baseline), by the library's separate operations, and in one pass over memory.</summary>
public class FakeQuantization
{
    private FakeQuantizationWork _work = null!;

    /// <summary>The quantizer and what shares a scale.</summary>
    [ParamsSource(nameof(Quantizers))]
    public string Quantizer { get; set; } = "";

    /// <summary>Bits.</summary>
    [Params(4)]
    public int Bits { get; set; }

    /// <summary>The numbers' type.</summary>
    [Params(torch.ScalarType.Float32, torch.ScalarType.BFloat16)]
    public torch.ScalarType Type { get; set; }

    /// <summary>Where they are.</summary>
    [ParamsSource(nameof(Devices))]
    public string Device { get; set; } = "";

    public static IEnumerable<string> Quantizers => QuantizerKind.All;

    public static IEnumerable<string> Devices => torch.cuda.is_available() ? ["cpu", "cuda"] : ["cpu"];

    [GlobalSetup]
    public void Setup() => _work = FakeQuantizationWork.Create(Quantizer, Bits, Type, torch.device(Device));

    [GlobalCleanup]
    public void Cleanup() => _work.Dispose();

    [Benchmark(Baseline = true, Description = "formula")]
    [BenchmarkCategory("forward")]
    public void CompositionForward() => Finish(_work.CompositionForward);

    [Benchmark(Description = "separate operations")]
    [BenchmarkCategory("forward")]
    public void SeparateForward() => Finish(_work.SeparateForward);

    [Benchmark(Description = "one pass")]
    [BenchmarkCategory("forward")]
    public void FusedForward() => Finish(_work.Forward);

    [Benchmark(Description = "one pass, memory there")]
    [BenchmarkCategory("forward")]
    public void FusedForwardMapped() => Finish(_work.ForwardMapped);

    [Benchmark(Description = "copy, memory there")]
    [BenchmarkCategory("forward")]
    public void Copy() => Finish(_work.CopyMapped);

    [Benchmark(Baseline = true, Description = "formula")]
    [BenchmarkCategory("forward and backward")]
    public void CompositionBoth() => Finish(_work.CompositionBoth);

    [Benchmark(Description = "separate operations")]
    [BenchmarkCategory("forward and backward")]
    public void SeparateBoth() => Finish(_work.SeparateBoth);

    [Benchmark(Description = "one pass")]
    [BenchmarkCategory("forward and backward")]
    public void FusedBoth() => Finish(_work.Both);

    private void Finish(Action work)
    {
        work();
        if (Device != "cpu")
        {
            torch.cuda.synchronize();
        }
    }
}
