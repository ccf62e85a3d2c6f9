using BenchmarkDotNet.Attributes;

namespace IsVit.Benchmarks.Detection;

/// <summary>Non-maximum suppression of 1000 proposals on each of five levels (the baseline: a matrix of overlaps, and an operation a box), and of 1000 boxes in 80 classes.</summary>
public class Suppression
{
    private SuppressionWork _work = null!;

    [GlobalSetup]
    public void Setup() => _work = SuppressionWork.Create();

    [GlobalCleanup]
    public void Cleanup() => _work.Dispose();

    [Benchmark(Baseline = true, Description = "5 x 1000, separate operations")]
    public void Separate() => _work.SeparateByLevel();

    [Benchmark(Description = "5 x 1000")]
    public void ByLevel() => _work.ByLevel();

    [Benchmark(Description = "1000 x 80, scores above 0.05")]
    public void OfLikelyClasses() => _work.OfClasses(0.05);

    [Benchmark(Description = "1000 x 80, all scores")]
    public void OfAllClasses() => _work.OfClasses(0);
}
