using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Model;
using IsVit.Model.Architectures;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reconstruction;
using IsVit.Optimization.Stages;
using IsVit.Quantizers.Native;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Benchmarks.Optimization;

/// <summary>Steps of reconstruction of a transformer block with random weights at batch 32: forward, loss, backward, Adam.</summary>
internal sealed class UnitTraining : IDisposable
{
    private readonly Block _block;
    private readonly GraphAttachment? _attachment;
    private readonly ProductPrecision? _precision;
    private readonly CosineAdam _optimizer;
    private readonly torch.Tensor _input;
    private readonly torch.Tensor _target;
    private readonly DropMasks? _masks;
    private readonly torch.Tensor? _importance;

    private UnitTraining(UnitShape shape, string? recipeName, bool weights, MatrixPrecision precision, double dropProbability = 0)
    {
        torch.random.manual_seed(0);
        _input = torch.randn([32, 197, shape.Width], device: shape.Device).DetachFromDisposeScope();
        _target = torch.randn([32, 197, shape.Width], device: shape.Device).DetachFromDisposeScope();
        _block = new Block(new VisionTransformerOptions { EmbedDim = shape.Width, HeadCount = shape.Width / 64 }).to(shape.Device);
        _block.eval();
        foreach (var norm in _block.modules().OfType<LayerNorm>())
        {
            norm.weight.requires_grad = norm.bias!.requires_grad = false;
        }

        var layers = _block.modules().OfType<Linear>().ToList();
        _attachment = recipeName is null ? null : Attach(QuantizationRecipes.All.Single(recipe => recipe.Name == recipeName), weights);
        _precision = _attachment is null ? null : new ProductPrecision(_attachment.Graph, precision);
        if (dropProbability > 0)
        {
            _masks = new DropMasks(dropProbability, new Random(0));
            _importance = torch.rand([197, shape.Width], device: shape.Device).DetachFromDisposeScope();
        }

        _optimizer = new CosineAdam([.. layers.SelectMany(static layer => new[] { layer.weight, layer.bias! }).Select(static parameter => ((torch.Tensor)parameter, 4e-5))], 1_000_000);
    }

    /// <summary>The block as it is, with nothing attached.</summary>
    /// <param name="shape">Its size and place.</param>
    public static UnitTraining Float(UnitShape shape) => new(shape, null, weights: false, MatrixPrecision.Full);

    /// <summary>Activations quantized, post-LayerNorm ones per channel, as in the first stage.</summary>
    /// <param name="shape">The block's size and place.</param>
    public static UnitTraining Activations(UnitShape shape) => new(shape, RecipeNames.ISVit, weights: false, MatrixPrecision.Full);

    /// <summary>Everything quantized, as in the third stage.</summary>
    /// <param name="shape">The block's size and place.</param>
    /// <param name="precision">What its matrix products are computed in.</param>
    public static UnitTraining Everything(UnitShape shape, MatrixPrecision precision = MatrixPrecision.Full) => new(shape, RecipeNames.SulqOnly, weights: true, precision);

    /// <summary>Everything quantized, half of the activations left unrounded and errors weighed, as the third stage of the recipe has it.</summary>
    /// <param name="shape">The block's size and place.</param>
    public static UnitTraining AsRun(UnitShape shape) => new(shape, RecipeNames.SulqOnly, weights: true, MatrixPrecision.Full, dropProbability: 0.5);

    /// <summary>One step, up to the loss's value.</summary>
    public void Step()
    {
        using var scope = torch.NewDisposeScope();
        using var narrowed = _precision?.Use();
        var (input, target) = (_input, _target);
        if (_masks is not null)
        {
            // Inputs of two models, number by number, and errors that count unlike, as a step has them.
            input = _input.lerp(_target, _masks.Next(_input));
            target = _target * _importance!;
        }

        torch.Tensor output;
        using (_masks is null ? null : new DroppedRoundings([.. _attachment!.Bindings.Where(static binding => !binding.IsWeight)], _masks))
        {
            output = _block.call(input);
        }

        var loss = new SquaredErrorLoss().Compute(_importance is null ? output : output * _importance, target);
        loss.backward();
        _optimizer.Step();
        loss.item<float>();
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
        _precision?.Dispose();
        _attachment?.Dispose();
        _block.Dispose();
        _input.Dispose();
        _target.Dispose();
        _masks?.Dispose();
        _importance?.Dispose();
    }

    private GraphAttachment Attach(QuantizationRecipe recipe, bool weights)
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var registry = BuiltIn.CreateRegistry();
        var graph = ModuleGraph.Trace(_block, _input.narrow(0, 0, 1));
        var attachment = GraphAttachment.Attach(graph, site =>
            new QuantizationOptions().SpecFor(site, recipe.Schemes) is { } spec ? registry.Create(spec, site.Role == SiteRole.Weight) : null);
        foreach (var binding in attachment.Bindings.Where(binding => weights || !binding.IsWeight))
        {
            binding.State = SiteState.CalibratingThenQuantized;
        }

        _block.call(_input);
        return attachment;
    }
}
