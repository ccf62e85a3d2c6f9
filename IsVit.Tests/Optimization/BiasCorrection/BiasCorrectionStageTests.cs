using IsVit.Core.Models;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.BiasCorrection;

public sealed class BiasCorrectionStageTests
{
    private static readonly string[] s_quantize = [StageNames.ActivationCalibration, StageNames.WeightCalibration];

    [Fact]
    public void Run_EveryLayerWithABias_HasTheFloatModelsMeans()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var wanted = Means(model, images);

        using var quantized = Micro.Quantizer([.. s_quantize, StageNames.BiasCorrection], [], W3A3).Quantize(model, images);

        var found = Means(model, images);
        Assert.Equal(10, wanted.Count);
        foreach (var (path, mean) in wanted)
        {
            Assert.True((found[path] - mean).abs().max().item<double>() < 1e-5, $"{path} is {(found[path] - mean).abs().max().item<double>()} off.");
        }
    }

    /// <summary>Where one token or place counts alone, its mean is the one that is restored.</summary>
    [Fact]
    public void Run_VectorsOfUnequalWeight_MeansAreTheirs()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        (string Path, long Vectors, long Only)[] weighed = [("patch_embed.proj", 16, 5), ("blocks.1.mlp.fc2", 17, 0)];
        var wanted = Means(model, images, weighed);
        var probe = new ProbeStage("weigh", context => context.Publish(new OutputImportance(new Dictionary<string, IReadOnlyList<Tensor?>>(), weighed.ToDictionary(static layer => layer.Path, static layer =>
        {
            var weights = zeros(layer.Vectors);
            weights[layer.Only] = layer.Vectors;
            return weights;
        }))));

        using var quantized = Micro.Quantizer([.. s_quantize, "weigh", StageNames.BiasCorrection], [probe], W3A3).Run(model, images);

        var found = Means(model, images, weighed);
        Assert.All(wanted, entry => Assert.True((found[entry.Key] - entry.Value).abs().max().item<double>() < 1e-5, entry.Key));
        var others = Means(model, images);
        Assert.All(weighed, layer => Assert.True((others[layer.Path] - wanted[layer.Path]).abs().max().item<double>() > 1e-3, layer.Path));
    }

    [Fact]
    public void Run_NothingElseThanBiases_Changes()
    {
        using var scope = NewDisposeScope();
        using var plain = Micro.Vit();
        using var corrected = Micro.Vit();
        var images = Micro.Images();

        using var before = Micro.Quantizer(s_quantize, [], W3A3).Quantize(plain, images);
        using var after = Micro.Quantizer([.. s_quantize, StageNames.BiasCorrection], [], W3A3).Quantize(corrected, images);

        var (expected, actual) = (Micro.Copy(plain), Micro.Copy(corrected));
        foreach (var (name, value) in expected)
        {
            var isLayerBias = name.EndsWith("bias", StringComparison.Ordinal) && !name.Contains("norm", StringComparison.Ordinal);
            Assert.Equal(!isLayerBias, value.Equals(actual[name]));
        }
    }

    [Fact]
    public void Run_LayersWithoutABias_AreLeftAlone()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(options: Micro.Options with { QkvBias = false });

        using var quantized = Micro.Quantizer([.. s_quantize, StageNames.BiasCorrection], [], W3A3).Quantize(model, Micro.Images());

        Assert.All(model.Blocks, static block => Assert.Null(block.Attn.Qkv.bias));
    }

    [Fact]
    public void Run_FewerCalibrationImages_MeansAreTheirs()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var first = images.narrow(0, 0, 11);
        var wanted = Means(model, first);

        using var quantized = Micro.Quantizer([.. s_quantize, StageNames.BiasCorrection], [], static options =>
        {
            W3A3(options);
            options.Calibration.StatisticsImageCount = 11;
        }).Quantize(model, images);

        var found = Means(model, first);
        Assert.All(wanted, entry => Assert.True((found[entry.Key] - entry.Value).abs().max().item<double>() < 1e-5, entry.Key));
    }

    private static void W3A3(QuantizationOptions options) => (options.WeightBits, options.ActivationBits) = (3, 3);

    /// <summary>The mean of every layer's output channels by path; of some layers, that of one vector of each image.</summary>
    private static Dictionary<string, Tensor> Means(VisionTransformer model, Tensor images, params (string Path, long Vectors, long Only)[] single)
    {
        var means = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var removals = new List<Action>();
        foreach (var (path, module) in model.named_modules())
        {
            if (module is Linear or Conv2d)
            {
                long[] others = module is Conv2d ? [0, 2, 3] : path == "head" ? [0] : [0, 1];
                removals.Add(((nn.Module<Tensor, Tensor>)module).register_forward_hook((_, _, output) =>
                {
                    var values = output.to(float64);
                    foreach (var layer in single.Where(layer => layer.Path == path))
                    {
                        values = module is Conv2d ? values.flatten(2).narrow(2, layer.Only, 1).unsqueeze(3) : values.narrow(1, layer.Only, 1);
                    }

                    means[path] = values.mean(others).DetachFromDisposeScope();
                    return null!;
                }).remove);
            }
        }

        Micro.Call(model, images);
        removals.ForEach(static remove => remove());
        return means;
    }
}
