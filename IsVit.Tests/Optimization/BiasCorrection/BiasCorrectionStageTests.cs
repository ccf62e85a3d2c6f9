using IsVit.Core.Models;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using TorchSharp;
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
            options.Calibration.ImageCount = 11;
        }).Quantize(model, images);

        var found = Means(model, first);
        Assert.All(wanted, entry => Assert.True((found[entry.Key] - entry.Value).abs().max().item<double>() < 1e-5, entry.Key));
    }

    private static void W3A3(IsVit.Optimization.QuantizationOptions options) => (options.WeightBits, options.ActivationBits) = (3, 3);

    /// <summary>The mean of every layer's output channels by path.</summary>
    private static Dictionary<string, Tensor> Means(VisionTransformer model, Tensor images)
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
                    means[path] = output.to(float64).mean(others).DetachFromDisposeScope();
                    return null!;
                }).remove);
            }
        }

        Micro.Call(model, images);
        removals.ForEach(static remove => remove());
        return means;
    }
}
