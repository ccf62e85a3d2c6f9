using BenchmarkDotNet.Attributes;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;

namespace IsVit.Benchmarks.Models;

/// <summary>The weights of a DeiT-Tiny (5.7 million float32 numbers) read from disk into a module; the baseline is TorchSharp's own reader of its own format.</summary>
public class WeightLoading
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
    private ImageClassifier _model = null!;

    private string Safetensors => Path.Combine(_folder, "model.safetensors");

    private string Dat => Path.Combine(_folder, "model.dat");

    [GlobalSetup]
    public void Setup()
    {
        Directory.CreateDirectory(_folder);
        _model = ModelCatalog.Create("deit_tiny_patch16_224");
        StateDict.Save(_model, Safetensors);
        _model.save(Dat);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Benchmark(Baseline = true, Description = "module.load")]
    public void TorchSharpLoad() => _model.load(Dat);

    [Benchmark(Description = "StateDict.Load of TorchSharp's format")]
    public void StateDictDat() => StateDict.Load(_model, Dat);

    [Benchmark(Description = "StateDict.Load of safetensors")]
    public void StateDictSafetensors() => StateDict.Load(_model, Safetensors);
}
