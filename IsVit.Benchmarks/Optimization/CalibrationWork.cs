using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Model;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using TorchSharp;

namespace IsVit.Benchmarks.Optimization;

/// <summary>A DeiT-Tiny with random weights, 64 random images, and the choice of every activation quantizer's parameters while they flow through.</summary>
internal sealed class CalibrationWork : IDisposable
{
    private const int ImageCount = 64;
    private readonly ImageClassifier _model;
    private readonly GraphAttachment _attachment;
    private readonly torch.Tensor _images;

    public CalibrationWork()
    {
        torch.random.manual_seed(0);
        using var scope = torch.NewDisposeScope();
        _model = ModelCatalog.Create("deit_tiny_patch16_224");
        _model.eval();
        _images = torch.randn(ImageCount, 3, 224, 224).DetachFromDisposeScope();
        var graph = ModuleGraph.Trace(_model, _images.narrow(0, 0, 1));
        var recipe = QuantizationRecipes.All.Single(static recipe => recipe.Name == RecipeNames.ISVit);
        var registry = BuiltIn.CreateRegistry();
        _attachment = GraphAttachment.Attach(graph, site =>
            site.Role != SiteRole.Weight && new QuantizationOptions().SpecFor(site, recipe.Schemes) is { } spec ? registry.Create(spec, isWeight: false) : null);
    }

    /// <summary>One forward in float.</summary>
    public void Forward()
    {
        using var suspended = _attachment.Suspend();
        Run();
    }

    /// <summary>One forward in which every quantizer chooses its parameters.</summary>
    public void Calibrate()
    {
        foreach (var binding in _attachment.Bindings)
        {
            binding.State = SiteState.Calibrating;
        }

        Run();
    }

    public void Dispose()
    {
        _attachment.Dispose();
        _model.Dispose();
        _images.Dispose();
    }

    private void Run()
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        _model.call(_images);
    }
}
