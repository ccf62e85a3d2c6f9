using BenchmarkDotNet.Attributes;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Recipes;
using TorchSharp;

namespace IsVit.Benchmarks.Optimization;

/// <summary>
/// Each stage of I&amp;S-ViT alone, on what the stages before it leave of a small vision transformer with random weights, with 64 images and 10 iterations per unit; the baseline is one float forward
/// of the images.
/// </summary>
public class Stages
{
    private PreparedRun _run = null!;

    /// <summary>The stage.</summary>
    [ParamsSource(nameof(Names))]
    public string Stage { get; set; } = "";

    public static IEnumerable<string> Names => QuantizationRecipes.Find(RecipeNames.ISVit)!.Stages.Select(static stage => stage.Name);

    [IterationSetup]
    public void Setup() => _run = PreparedRun.Before(Stage);

    [IterationCleanup]
    public void Cleanup() => _run.Dispose();

    [Benchmark(Baseline = true, Description = "one float forward")]
    public void Forward()
    {
        using var suspended = _run.Context.Attachment.Suspend();
        using var noGrad = torch.no_grad();
        foreach (var batch in _run.Context.Batches)
        {
            using var scope = torch.NewDisposeScope();
            _run.Context.Graph.Forward.Run(batch);
        }
    }

    [Benchmark(Description = "stage")]
    public void Run()
    {
        using var scope = torch.NewDisposeScope();
        _run.Stage.Run(_run.Context);
    }
}
