using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Samples;
using IsVit.Model.Architectures;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using Microsoft.Extensions.Logging;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Tests.Optimization;

/// <summary>Small models whose activations are lively, images for them, and quantizers with few steps.</summary>
internal static class Micro
{
    public const int ImageCount = 40;

    public static VisionTransformerOptions Options { get; } = new()
    {
        ImageSize = 32,
        PatchSize = 8,
        EmbedDim = 48,
        Depth = 2,
        HeadCount = 4,
        MlpRatio = 2,
        ClassCount = 10,
    };

    /// <summary>A vision transformer in evaluation mode whose every parameter depends on the seed alone.</summary>
    public static VisionTransformer Vit(int seed = 1, VisionTransformerOptions? options = null)
    {
        var model = new VisionTransformer(options ?? Options);
        Enliven(model, seed);
        model.eval();
        return model;
    }

    /// <summary>Draws every parameter anew: matrices keep the size of what flows, vectors differ from channel to channel.</summary>
    public static void Enliven(torch.nn.Module model, int seed)
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        foreach (var (name, parameter) in model.named_parameters())
        {
            var noise = Seeded.Normal(seed++, parameter.shape);
            var isScale = name.Contains("norm", StringComparison.Ordinal) && name.EndsWith("weight", StringComparison.Ordinal);
            var size = parameter.dim() < 2 ? 0.4 : name.Contains("token", StringComparison.Ordinal) || name.Contains("pos", StringComparison.Ordinal)
                ? 0.5
                : 1.3 / Math.Sqrt(parameter.numel() / parameter.shape[0]);
            parameter.copy_(isScale ? (noise * 0.5).exp() : noise * size);
        }
    }

    public static torch.Tensor Images(int seed = 100, int count = ImageCount) => Seeded.Normal(seed, count, 3, 32, 32);

    /// <summary>Few steps of few images, and none of the whole model.</summary>
    public static void Quick(QuantizationOptions options)
    {
        options.Reconstruction.Iterations = 6;
        options.Reconstruction.BatchSize = 8;
        options.Reconstruction.LearningRate = 1e-3;
        options.OutputTuning.Steps = 0;

        // So few images and steps show what a step does where nothing blurs it.
        (options.Reconstruction.DropProbability, options.Reconstruction.HeldOutShare, options.Reconstruction.Views) = (0, 0, 1);
    }

    public static ModelQuantizer Quantizer(Action<QuantizationOptions>? configure = null, ILogger<ModelQuantizer>? logger = null) => ModelQuantizer.Create(
        options =>
        {
            Quick(options);
            configure?.Invoke(options);
        },
        logger);

    /// <summary>The names of a recipe's stages.</summary>
    public static IEnumerable<string> StagesOf(string recipe) => QuantizationRecipes.Find(recipe)!.Stages.Select(static stage => stage.Name);

    /// <summary>A quantizer with stages of the test's own, called one after the other beside the built-in ones.</summary>
    public static ModelQuantizer Quantizer(IReadOnlyList<string> stages, IReadOnlyList<IQuantizationStage> own, Action<QuantizationOptions>? configure = null, IReconstructionLoss? loss = null)
    {
        var options = new QuantizationOptions();
        Quick(options);
        configure?.Invoke(options);
        var recipe = QuantizationRecipes.Find(options.Recipe)! with { Name = "own", Stages = [.. stages.Select(name => own.LastOrDefault(stage => stage.Name == name) ?? BuiltIn.Stage(name))] };
        options.Recipe = recipe.Name;
        return new ModelQuantizer(options, BuiltIn.CreateRegistry(), [recipe], [], loss ?? new SquaredErrorLoss());
    }

    /// <summary>Quantizes until the test is cancelled.</summary>
    public static QuantizedModel Run(this ModelQuantizer quantizer, torch.nn.Module<torch.Tensor, torch.Tensor> model, torch.Tensor images, QuantizationRun? run = null) =>
        quantizer.Quantize(model, images, run, TestContext.Current.CancellationToken);

    /// <summary>Copies of all parameters and buffers by name, which outlive the scope that is open: a stage's or a score's.</summary>
    public static Dictionary<string, torch.Tensor> Copy(torch.nn.Module model) => model.named_parameters()
        .Select(static entry => (entry.name, Value: entry.parameter.detach().clone().DetachFromDisposeScope()))
        .Concat(model.named_buffers().Select(static entry => (entry.name, Value: entry.buffer.detach().clone().DetachFromDisposeScope())))
        .ToDictionary(static entry => entry.name, static entry => entry.Value, StringComparer.Ordinal);

    public static void AssertSame(IReadOnlyDictionary<string, torch.Tensor> expected, IReadOnlyDictionary<string, torch.Tensor> actual)
    {
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, value) in expected)
        {
            Assert.True(value.Equals(actual[name]), $"{name} differs.");
        }
    }

    /// <summary>The model is float again: parameters as copied, output as before, no attachment.</summary>
    public static void AssertUntouched(torch.nn.Module<torch.Tensor, torch.Tensor> model, IReadOnlyDictionary<string, torch.Tensor> parameters, torch.Tensor input, torch.Tensor output)
    {
        AssertSame(parameters, Copy(model));
        using var noGrad = torch.no_grad();
        TensorAssert.Identical(output, model.call(input));
        Assert.Empty(Hooks.Of(model));
    }

    public static torch.Tensor Call(ModelForward model, torch.Tensor input) => model.Predict(new SampleBatch(input)).Single();

    public static torch.Tensor Call(torch.nn.Module<torch.Tensor, torch.Tensor> model, torch.Tensor input)
    {
        using var noGrad = torch.no_grad();
        return model.call(input);
    }

    /// <summary>A model's outputs with calibrated activations, before and after stage 2.</summary>
    public static (torch.Tensor Before, torch.Tensor After) AroundReparameterization(torch.nn.Module<torch.Tensor, torch.Tensor> model, torch.Tensor images, string recipe = RecipeNames.ISVit)
    {
        var outputs = new List<torch.Tensor>();
        void Look(QuantizationContext context) => outputs.Add(Call(model, images).DetachFromDisposeScope());
        using var quantized = Quantizer(
            [StageNames.ActivationCalibration, "before", StageNames.Reparameterization, "after"],
            [new ProbeStage("before", Look), new ProbeStage("after", Look)],
            options => options.Recipe = recipe).Run(model, images);
        return (outputs[0], outputs[1]);
    }

    /// <summary>The relative distance of two outputs.</summary>
    public static double Distance(torch.Tensor expected, torch.Tensor actual)
    {
        using var scope = torch.NewDisposeScope();
        var (wanted, found) = (expected.to(torch.float64), actual.to(torch.float64));
        return ((found - wanted).norm() / wanted.norm()).item<double>();
    }

    /// <summary>The relative squared error of the outputs for images that nothing was measured on, summed over several models: one model's rounding errors may cancel by chance.</summary>
    public static double OutputError(IReadOnlyList<string> stages, Action<QuantizationOptions> configure, int imageCount = ImageCount)
    {
        var sum = 0.0;
        for (var seed = 0; seed < 5; seed++)
        {
            using var scope = torch.NewDisposeScope();
            using var model = Vit(seed * 1000);
            var images = Images(7);
            var wanted = Call(model, images);
            using var quantized = Quantizer(stages, [], configure).Run(model, Images(count: imageCount));
            sum += Math.Pow(Distance(wanted, Call(model, images)), 2);
        }

        return sum;
    }

    public static IEnumerable<Linear> Linears(torch.nn.Module model) => model.modules().OfType<Linear>();
}
