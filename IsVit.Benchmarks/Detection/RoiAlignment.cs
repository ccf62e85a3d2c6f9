using BenchmarkDotNet.Attributes;
using TorchSharp;

namespace IsVit.Benchmarks.Detection;

/// <summary>RoIAlign over four levels of 256 channels of an image of 800 x 1216 pixels, in separate tensor operations (the baseline) and in one pass.</summary>
public class RoiAlignment
{
    private RoiAlignWork _work = null!;

    /// <summary>How many regions, and bins on a side: those of boxes and of masks.</summary>
    [Params("1000, 7 x 7", "100, 14 x 14")]
    public string Regions { get; set; } = "";

    /// <summary>Where they are.</summary>
    [ParamsSource(nameof(Devices))]
    public string Device { get; set; } = "";

    public static IEnumerable<string> Devices => torch.cuda.is_available() ? ["cpu", "cuda"] : ["cpu"];

    [GlobalSetup]
    public void Setup() => _work = Regions.StartsWith("1000", StringComparison.Ordinal) ? new(1000, 7, torch.device(Device)) : new(100, 14, torch.device(Device));

    [GlobalCleanup]
    public void Cleanup() => _work.Dispose();

    [Benchmark(Baseline = true, Description = "separate operations")]
    [BenchmarkCategory("forward")]
    public void SeparateForward() => Finish(_work.SeparateForward);

    [Benchmark(Description = "one pass")]
    [BenchmarkCategory("forward")]
    public void FusedForward() => Finish(_work.Forward);

    [Benchmark(Baseline = true, Description = "separate operations")]
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
