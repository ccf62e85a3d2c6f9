using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.DependencyInjection;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reconstruction;
using IsVit.Quantizers.Kernels;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Benchmarks.Optimization;

/// <summary>Steps of reconstruction of a DeiT-Tiny block with random weights at batch 32: forward, loss, backward, Adam.</summary>
internal sealed class UnitTraining : IDisposable
{
    private readonly Block _block;
    private readonly GraphAttachment? _attachment;
    private readonly CosineAdam _optimizer;
    private readonly torch.Tensor _input;
    private readonly torch.Tensor _target;

    private UnitTraining(string? recipeName, bool weights)
    {
        torch.random.manual_seed(0);
        _input = torch.randn(32, 197, 192).DetachFromDisposeScope();
        _target = torch.randn(32, 197, 192).DetachFromDisposeScope();
        _block = new Block(new VisionTransformerOptions());
        _block.eval();
        foreach (var norm in _block.modules().OfType<LayerNorm>())
        {
            norm.weight.requires_grad = norm.bias!.requires_grad = false;
        }

        var layers = _block.modules().OfType<Linear>().ToList();
        _attachment = recipeName is null ? null : Attach(QuantizationRecipes.All.Single(recipe => recipe.Name == recipeName), weights);
        _optimizer = new CosineAdam([.. layers.SelectMany(static layer => new[] { layer.weight, layer.bias! })], 4e-5, 1_000_000);
    }

    /// <summary>The block as it is, with nothing attached.</summary>
    public static UnitTraining Float() => new(null, weights: false);

    /// <summary>Activations quantized, post-LayerNorm ones per channel, as in the first stage.</summary>
    public static UnitTraining Activations() => new(RecipeNames.ISVit, weights: false);

    /// <summary>Everything quantized, as in the third stage.</summary>
    public static UnitTraining Everything() => new(RecipeNames.SulqOnly, weights: true);

    /// <summary>One step.</summary>
    public void Step()
    {
        using var scope = torch.NewDisposeScope();
        var loss = new SquaredErrorLoss().Compute(_block.call(_input), _target);
        loss.backward();
        _optimizer.Step();
    }

    /// <summary>One step with quantizers that work in separate tensor operations.</summary>
    public void EagerStep()
    {
        using var eager = KernelSwitch.Eager();
        Step();
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _attachment?.Dispose();
        _block.Dispose();
        _input.Dispose();
        _target.Dispose();
    }

    private GraphAttachment Attach(QuantizationRecipe recipe, bool weights)
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var registry = new QuantizerRegistry(Defaults.QuantizerFactories());
        var graph = ModuleGraph.Trace(_block, _input.narrow(0, 0, 1));
        var attachment = GraphAttachment.Attach(graph, site =>
            recipe.SpecFor(site, new QuantizationOptions()) is { } spec ? registry.Create(spec, site.Role == SiteRole.Weight) : null);
        foreach (var binding in attachment.Bindings.Where(binding => weights || !binding.IsWeight))
        {
            binding.State = SiteState.CalibratingThenQuantized;
        }

        _block.call(_input);
        return attachment;
    }
}
