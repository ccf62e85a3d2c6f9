using IsVit.Core.Graph;
using IsVit.Model.Architectures;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Models;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Recipes;

/// <summary>Every stage on the shapes of vision transformers that users bring.</summary>
public sealed class ViTVariantTests
{
    public static TheoryData<string> Names => ViTVariants.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Trace_Variant_FindsTheRoleOfEveryOperand(string name)
    {
        using var scope = NewDisposeScope();
        using var model = ViTVariants.Create(name);
        var options = model.Options;

        var sites = ModuleGraph.Trace(model, Micro.Images(count: 1)).Sites;

        string Of(string id)
        {
            var site = sites.Single(site => site.Id == id);
            return $"{site.Role} {site.Producer}";
        }

        for (var i = 0; i < 2; i++)
        {
            Assert.Equal($"PostLayerNorm blocks.{i}.norm1", Of($"blocks.{i}.attn.qkv:input"));
            Assert.Equal($"PostLayerNorm blocks.{i}.norm2", Of($"blocks.{i}.mlp.fc1:input"));
            Assert.Equal($"PostSoftmax blocks.{i}.attn.softmax", Of($"blocks.{i}.attn.av:left"));
            Assert.Equal(options.Mlp == MlpKind.Gelu ? $"PostGelu blocks.{i}.mlp.act" : "Other ", Of($"blocks.{i}.mlp.fc2:input"));
            Assert.Equal("Other ", Of($"blocks.{i}.attn.qk:left"));
        }

        // Only a LayerNorm's whole output has a scale that can move: a class token is one row of it, a mean is other numbers.
        Assert.Equal(options is { Pooling: PoolingKind.Average, PreLogitsDim: null } ? "PostLayerNorm fc_norm" : "Other ", Of("head:input"));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Reparameterization_InFloat64_LeavesTheOutput(string name)
    {
        using var scope = NewDisposeScope();
        using var model = ViTVariants.Create(name);
        model.to(float64);
        var images = Micro.Images(count: 8).to(float64);
        var (before, after) = Micro.AroundReparameterization(model, images, RecipeNames.Uniform);

        Assert.InRange(Micro.Distance(before, after), 0, 1e-12);
    }

    // Levels are kept in float32, before and after.
    [Theory]
    [MemberData(nameof(Names))]
    public void Reparameterization_OfFreeLevels_LeavesTheOutputToFloat32(string name)
    {
        using var scope = NewDisposeScope();
        using var model = ViTVariants.Create(name);
        model.to(float64);
        var images = Micro.Images(count: 8).to(float64);
        var (before, after) = Micro.AroundReparameterization(model, images);

        Assert.InRange(Micro.Distance(before, after), 0, 1e-6);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Quantize_ISVit_NearTheFloatModelAndReloadsBitForBit(string name)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = ViTVariants.Create(name);
        var images = Micro.Images(count: 16);
        var wanted = Micro.Call(model, images);

        using var quantized = Micro.Quantizer(options => (options.WeightBits, options.ActivationBits) = (8, 8)).Run(model, images);
        quantized.Save(folder["model.safetensors"]);
        using var fresh = ViTVariants.Create(name);
        using var loaded = QuantizedModel.Load(folder["model.safetensors"], fresh);

        Assert.InRange(Micro.Distance(wanted, quantized.Predict(images)), 1e-5, 0.12);
        TensorAssert.Identical(quantized.Predict(images), loaded.Predict(images));
        Assert.Equal(0, quantized.MeasureCoverage(images).FloatShare);
    }
}
