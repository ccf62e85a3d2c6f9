using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using TorchSharp;

namespace IsVit.Benchmarks.Optimization;

/// <summary>A run of I&amp;S-ViT that stands still before a stage until it is disposed.</summary>
internal sealed class PausedRun : IDisposable
{
    private const int ImageCount = 64;
    private readonly VisionTransformer _model;
    private readonly torch.Tensor _images;
    private readonly ManualResetEventSlim _over = new();
    private readonly TaskCompletionSource<QuantizationContext> _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _run;

    private PausedRun(string stage)
    {
        torch.random.manual_seed(0);
        _model = SmallVit.Create();
        _images = torch.randn(ImageCount, 3, 32, 32).DetachFromDisposeScope();
        var stages = BuiltIn.Stages();
        Stage = stages.Single(known => known.Name == stage);
        var recipe = QuantizationRecipes.All.Single(static recipe => recipe.Name == RecipeNames.ISVit);
        var pause = new Pause(this);
        recipe = recipe with { Name = pause.Name, Stages = [.. recipe.Stages.TakeWhile(name => name != stage), pause.Name] };
        var options = new QuantizationOptions { Recipe = recipe.Name };
        options.Reconstruction.Iterations = 10;
        var quantizer = new ModelQuantizer(options, BuiltIn.CreateRegistry(), [recipe], [.. stages, pause], new SquaredErrorLoss());

        // A thread of its own: it waits inside the run.
        _run = Task.Factory.StartNew(() => quantizer.Quantize(_model, _images).Dispose(), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Task.WaitAny(_run, _reached.Task);
        if (_run.IsFaulted)
        {
            _run.GetAwaiter().GetResult();
        }

        Context = _reached.Task.Result;
    }

    /// <summary>The stage that is next.</summary>
    public IQuantizationStage Stage { get; }

    /// <summary>What it works on.</summary>
    public QuantizationContext Context { get; }

    /// <summary>Runs what comes before a stage.</summary>
    /// <param name="stage">The stage's name.</param>
    public static PausedRun Before(string stage) => new(stage);

    public void Dispose()
    {
        _over.Set();
        _run.Wait();
        _over.Dispose();
        _model.Dispose();
        _images.Dispose();
    }

    private sealed class Pause(PausedRun run) : IQuantizationStage
    {
        public string Name => "pause";

        public void Run(QuantizationContext context)
        {
            run._reached.SetResult(context);
            run._over.Wait();
        }
    }
}
