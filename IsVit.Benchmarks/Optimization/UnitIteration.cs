using BenchmarkDotNet.Attributes;

namespace IsVit.Benchmarks.Optimization;

/// <summary>One step of reconstruction of a DeiT-Tiny block with random weights at batch 32: forward, loss, backward, Adam. The baseline is the float block.</summary>
public class UnitIteration
{
    private UnitTraining _float = null!;
    private UnitTraining _activations = null!;
    private UnitTraining _everything = null!;

    [GlobalSetup]
    public void Setup()
    {
        _float = UnitTraining.Float();
        _activations = UnitTraining.Activations();
        _everything = UnitTraining.Everything();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _float.Dispose();
        _activations.Dispose();
        _everything.Dispose();
    }

    [Benchmark(Baseline = true, Description = "float")]
    public void Unquantized() => _float.Step();

    [Benchmark(Description = "activations quantized, post-LayerNorm per channel (stage 1)")]
    public void Activations() => _activations.Step();

    [Benchmark(Description = "everything quantized (stage 3)")]
    public void Everything() => _everything.Step();

    [Benchmark(Description = "everything quantized, in separate tensor operations")]
    public void EverythingEager() => _everything.EagerStep();
}
