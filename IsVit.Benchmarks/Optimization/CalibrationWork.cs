using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Samples;
using IsVit.Detection.Models;
using IsVit.Model;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using TorchSharp;

namespace IsVit.Benchmarks.Optimization;

/// <summary>A model with random weights, random samples, and the choice of every activation quantizer's parameters while they flow through.</summary>
internal sealed class CalibrationWork : IDisposable
{
    private readonly GraphAttachment _attachment;
    private readonly SampleBatch _samples;

    private CalibrationWork(torch.nn.Module model, SampleBatch samples)
    {
        model.eval();
        _samples = samples;
        foreach (var input in samples.Inputs)
        {
            input.DetachFromDisposeScope();
        }

        var graph = ModuleGraph.Trace(ModelForward.Of(model), samples.Slice(0, 1));
        var recipe = QuantizationRecipes.All.Single(static recipe => recipe.Name == RecipeNames.ISVit);
        var registry = BuiltIn.CreateRegistry();
        _attachment = GraphAttachment.Attach(graph, site =>
            site.Role != SiteRole.Weight && new QuantizationOptions().SpecFor(site, recipe.Schemes) is { } spec ? registry.Create(spec, isWeight: false) : null);
    }

    /// <summary>DeiT-Tiny and 64 images.</summary>
    public static CalibrationWork OfDeitTiny()
    {
        torch.random.manual_seed(0);
        using var scope = torch.NewDisposeScope();
        return new(ModelCatalog.Create("deit_tiny_patch16_224"), new SampleBatch(torch.randn(64, 3, 224, 224)));
    }

    /// <summary>The small Mask R-CNN and 16 images of 128 x 128, with 64 regions to classify, 16 to draw masks in, and 128 anchors each.</summary>
    public static CalibrationWork OfSmallDetector()
    {
        torch.random.manual_seed(0);
        using var scope = torch.NewDisposeScope();
        var corners = torch.rand(16, 64, 2) * 64;
        var boxes = torch.cat([corners, corners + (torch.rand(16, 64, 2) * 40) + 20, torch.zeros(16, 64, 1), torch.ones(16, 64, 1)], 2);
        var anchors = torch.stack([torch.randint(0, 1024, [16, 128]).to(torch.float32), torch.ones(16, 128)], 2);
        return new(DetectorCatalog.Create(DetectorCatalog.Demo), new SampleBatch(torch.randn(16, 3, 128, 128), boxes, boxes.narrow(1, 0, 16).narrow(2, 0, 5).clone(), anchors));
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
        _attachment.Graph.Model.Dispose();
        foreach (var input in _samples.Inputs)
        {
            input.Dispose();
        }
    }

    private void Run()
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        _attachment.Graph.Forward.Run(_samples);
    }
}
