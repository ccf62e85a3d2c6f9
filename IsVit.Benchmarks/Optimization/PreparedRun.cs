using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Samples;
using IsVit.Optimization;
using IsVit.Optimization.Stages;
using TorchSharp;

namespace IsVit.Benchmarks.Optimization;

/// <summary>A run of I&amp;S-ViT as far as a stage.</summary>
internal sealed class PreparedRun : IDisposable
{
    private const int ImageCount = 64;
    private readonly VisionTransformer _model;
    private readonly torch.Tensor _images;

    private PreparedRun(string stage)
    {
        torch.random.manual_seed(0);
        _model = SmallVit.Create();
        _images = torch.randn(ImageCount, 3, 32, 32).DetachFromDisposeScope();
        using var samples = new InMemorySamples([_images]);
        Context = ModelQuantizer.Create(static options => options.Reconstruction.Iterations = 10).Prepare(ModelForward.Of(_model), samples);
        Stage = Context.Recipe.Stages.Single(known => known.Name == stage);
        foreach (var before in Context.Recipe.Stages.TakeWhile(known => known != Stage))
        {
            using var scope = torch.NewDisposeScope();
            before.Run(Context);
        }
    }

    /// <summary>The stage that is next.</summary>
    public IQuantizationStage Stage { get; }

    /// <summary>What it works on.</summary>
    public QuantizationContext Context { get; }

    /// <summary>Runs what comes before a stage.</summary>
    /// <param name="stage">The stage's name.</param>
    public static PreparedRun Before(string stage) => new(stage);

    public void Dispose()
    {
        Context.Dispose();
        _model.Dispose();
        _images.Dispose();
    }
}
