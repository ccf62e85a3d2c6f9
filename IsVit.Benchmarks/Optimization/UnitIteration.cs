using BenchmarkDotNet.Attributes;
using IsVit.Optimization.Options;
using TorchSharp;

namespace IsVit.Benchmarks.Optimization;

/// <summary>One step of reconstruction of a transformer block with random weights at batch 32: forward, loss, backward, Adam. The baseline is the float block.</summary>
public class UnitIteration
{
    private UnitTraining _float = null!;
    private UnitTraining _activations = null!;
    private UnitTraining _everything = null!;
    private UnitTraining _tensorFloat32 = null!;
    private UnitTraining _bfloat16 = null!;

    /// <summary>The embedding dimension: DeiT-Tiny's, ViT-Base's.</summary>
    [Params(192, 768)]
    public int Width { get; set; }

    /// <summary>Where the block is.</summary>
    [ParamsSource(nameof(Devices))]
    public string Device { get; set; } = "";

    public static IEnumerable<string> Devices => torch.cuda.is_available() ? ["cpu", "cuda"] : ["cpu"];

    [GlobalSetup]
    public void Setup()
    {
        var shape = new UnitShape(Width, torch.device(Device));
        _float = UnitTraining.Float(shape);
        _activations = UnitTraining.Activations(shape);
        _everything = UnitTraining.Everything(shape);
        _tensorFloat32 = UnitTraining.Everything(shape, MatrixPrecision.TensorFloat32);
        _bfloat16 = UnitTraining.Everything(shape, MatrixPrecision.BFloat16);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _float.Dispose();
        _activations.Dispose();
        _everything.Dispose();
        _tensorFloat32.Dispose();
        _bfloat16.Dispose();
    }

    [Benchmark(Baseline = true, Description = "float")]
    public void Unquantized() => _float.Step();

    [Benchmark(Description = "activations quantized, post-LayerNorm per channel (stage 1)")]
    public void Activations() => _activations.Step();

    [Benchmark(Description = "everything quantized (stage 3)")]
    public void Everything() => _everything.Step();

    [Benchmark(Description = "everything quantized, TF32 products")]
    public void EverythingTensorFloat32() => _tensorFloat32.Step();

    [Benchmark(Description = "everything quantized, bfloat16 products")]
    public void EverythingBFloat16() => _bfloat16.Step();

    [Benchmark(Description = "everything quantized, in separate tensor operations")]
    public void EverythingEager() => _everything.EagerStep();
}
