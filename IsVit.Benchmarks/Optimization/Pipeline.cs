using BenchmarkDotNet.Attributes;
using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using TorchSharp;

namespace IsVit.Benchmarks.Optimization;

/// <summary>The quantization of a small vision transformer with random weights, 64 images and 10 iterations per unit, by recipe; the baseline is one float forward of the images.</summary>
public class Pipeline
{
    private const int ImageCount = 64;
    private VisionTransformer _model = null!;
    private torch.Tensor _images = null!;

    /// <summary>The recipe.</summary>
    [Params(RecipeNames.MinMax, RecipeNames.Percentile, RecipeNames.RepQ, RecipeNames.Released, RecipeNames.SosOnly, RecipeNames.ISVit)]
    public string Recipe { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        torch.random.manual_seed(0);
        _model = SmallVit.Create();
        _images = torch.randn(ImageCount, 3, 32, 32).DetachFromDisposeScope();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _model.Dispose();
        _images.Dispose();
    }

    [Benchmark(Baseline = true, Description = "one float forward")]
    public void Forward()
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        _model.call(_images);
    }

    [Benchmark(Description = "quantization")]
    public void Quantize()
    {
        using var quantized = ModelQuantizer.Create(options => (options.Recipe, options.Reconstruction.Iterations) = (Recipe, 10)).Quantize(_model, _images);
    }
}
