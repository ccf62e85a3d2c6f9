using BenchmarkDotNet.Attributes;
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

/// <summary>One step of reconstruction of a DeiT-Tiny block with random weights at batch 32: forward, loss, backward, Adam. The baseline is the float block.</summary>
public class UnitIteration
{
    private readonly List<IDisposable> _owned = [];
    private torch.Tensor _input = null!;
    private torch.Tensor _target = null!;
    private Training _float = null!;
    private Training _activations = null!;
    private Training _everything = null!;

    [GlobalSetup]
    public void Setup()
    {
        torch.random.manual_seed(0);
        _input = Own(torch.randn(32, 197, 192));
        _target = Own(torch.randn(32, 197, 192));
        _float = Prepare(null, weights: false);
        _activations = Prepare(RecipeNames.ISVit, weights: false);
        _everything = Prepare(RecipeNames.SulqOnly, weights: true);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _owned.Reverse();
        _owned.ForEach(static owned => owned.Dispose());
        _owned.Clear();
    }

    [Benchmark(Baseline = true, Description = "float")]
    public void Unquantized() => Step(_float);

    [Benchmark(Description = "activations quantized, post-LayerNorm per channel (stage 1)")]
    public void Activations() => Step(_activations);

    [Benchmark(Description = "everything quantized (stage 3)")]
    public void Everything() => Step(_everything);

    [Benchmark(Description = "everything quantized, in separate tensor operations")]
    public void EverythingEager()
    {
        using var eager = KernelSwitch.Eager();
        Step(_everything);
    }

    private void Step(Training training)
    {
        using var scope = torch.NewDisposeScope();
        var loss = new SquaredErrorLoss().Compute(training.Block.call(_input), _target);
        loss.backward();
        training.Optimizer.Step();
    }

    private Training Prepare(string? recipeName, bool weights)
    {
        var block = Own(new Block(new VisionTransformerOptions()));
        block.eval();
        var layers = block.modules().OfType<Linear>().ToList();
        foreach (var norm in block.modules().OfType<LayerNorm>())
        {
            norm.weight.requires_grad = norm.bias!.requires_grad = false;
        }

        if (recipeName is not null)
        {
            Attach(block, QuantizationRecipes.All.Single(recipe => recipe.Name == recipeName), weights);
        }

        var parameters = layers.SelectMany(static layer => new[] { layer.weight, layer.bias! }).ToList();
        return new Training(block, Own(new CosineAdam(parameters, 4e-5, 1_000_000)));
    }

    private void Attach(Block block, QuantizationRecipe recipe, bool weights)
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var registry = new QuantizerRegistry(Defaults.QuantizerFactories());
        var graph = ModuleGraph.Trace(block, _input.narrow(0, 0, 1));
        var attachment = Own(GraphAttachment.Attach(graph, site =>
            recipe.SpecFor(site, new QuantizationOptions()) is { } spec ? registry.Create(spec, site.Role == SiteRole.Weight) : null));
        foreach (var binding in attachment.Bindings.Where(binding => weights || !binding.IsWeight))
        {
            binding.State = SiteState.CalibratingThenQuantized;
        }

        block.call(_input);
    }

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    private sealed record Training(Block Block, CosineAdam Optimizer);
}
