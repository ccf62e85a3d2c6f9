using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model;
using IsVit.Model.Architectures;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.OutputTuning;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Tests.Models;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Recipes;

/// <summary>Every stage on a hierarchical transformer: windows, patch merging, rows and columns instead of a row of tokens.</summary>
public sealed class SwinTransformerTests
{
    private static readonly SwinTransformerOptions Options = new()
    {
        ImageSize = 32, PatchSize = 4, EmbedDim = 24, Depths = [2, 2], HeadCounts = [2, 4], WindowSize = 4, ClassCount = 7, MlpRatio = 2,
    };

    public static TheoryData<string> Recipes => new(QuantizationRecipes.All.Select(static recipe => recipe.Name));

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Quantize_EveryRecipe_KeepsTheModelNearTheFloatOneAndReloadsBitForBit(string recipe)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Create(Options);
        var images = Micro.Images(count: 16);
        var wanted = Micro.Call(model, images);

        using var quantized = Micro.Quantizer(options => (options.Recipe, options.WeightBits, options.ActivationBits) = (recipe, 8, 8)).Run(model, images);
        quantized.Save(folder["model.safetensors"]);
        using var fresh = Create(Options, seed: 9);
        using var loaded = QuantizedModel.Load(folder["model.safetensors"], fresh);

        Assert.InRange(Micro.Distance(wanted, quantized.Predict(images)), 1e-5, 0.12);
        TensorAssert.Identical(quantized.Predict(images), loaded.Predict(images));
    }

    [Theory]
    [InlineData(32, 9)]
    [InlineData(24, 7)]
    public void Reparameterization_InFloat64_LeavesCodesOfEveryLayerNormAndTheOutput(int imageSize, int postLayerNorms)
    {
        using var scope = NewDisposeScope();
        using var model = Create(Options with { ImageSize = imageSize });
        model.to(float64);
        var images = Seeded.Normal(1, 8, 3, imageSize, imageSize).to(float64);
        var outputs = new List<Tensor>();
        var granularities = new List<Granularity>();
        void Look(QuantizationContext context)
        {
            outputs.Add(Micro.Call(model, images).DetachFromDisposeScope());
            granularities.AddRange(context.Attachment.Bindings.Where(static binding => binding.Site.Role == SiteRole.PostLayerNorm).Select(static binding => binding.Quantizer.Granularity));
        }

        using var quantized = Micro.Quantizer(
            [StageNames.ActivationCalibration, "before", StageNames.Reparameterization, "after"],
            [new ProbeStage("before", Look), new ProbeStage("after", Look)]).Run(model, images);

        Assert.InRange(Micro.Distance(outputs[0], outputs[1]), 0, 1e-12);
        Assert.Equal(2 * postLayerNorms, granularities.Count);
        Assert.All(granularities.Take(postLayerNorms), static granularity => Assert.Equal(Granularity.Channel(-1), granularity));
        Assert.All(granularities.Skip(postLayerNorms), static granularity => Assert.Equal(Granularity.Tensor, granularity));
        Assert.NotNull(model.Layers[1].Downsample!.Reduction.bias);
    }

    [Fact]
    public void Reparameterization_OracleModelInFloat32_ChangesTheOutputByRoundingOnly()
    {
        using var scope = NewDisposeScope();
        using var oracle = SafetensorsFile.Open(SharedData.Oracle("swin_micro.safetensors"));
        using var model = ModelFiles.LoadSwinMicro(oracle);
        var images = Seeded.Normal(1, 4, 3, 64, 64);
        var (before, after) = Micro.AroundReparameterization(model, images);

        Assert.InRange(Micro.Distance(before, after), 0, 1e-5);
    }

    [Fact]
    public void Quantize_DropPathAndDropout_AreOffWhileReconstructing()
    {
        using var scope = NewDisposeScope();
        var images = Micro.Images(count: 16);
        Tensor Run(SwinTransformerOptions options)
        {
            using var model = Create(options);
            model.train();
            using var quantized = Micro.Quantizer().Run(model, images);
            return quantized.Predict(images);
        }

        TensorAssert.Identical(Run(Options), Run(Options with { DropPathRate = 0.9, DropoutRate = 0.5 }));
    }

    [Fact]
    public void Quantize_ISVit_ReconstructsEmbeddingBlocksMergingAndHeadInBothStages()
    {
        using var scope = NewDisposeScope();
        using var model = Create(Options);

        using var quantized = Micro.Quantizer(static options => options.OutputTuning.Steps = 4).Run(model, Micro.Images(count: 16));

        string[] units = ["patch_embed", "layers.0.blocks.0", "layers.0.blocks.1", "layers.1.downsample", "layers.1.blocks.0", "layers.1.blocks.1", "head.fc"];
        Assert.Equal(
            units.Select(static unit => (StageNames.ActivationReconstruction, unit)).Concat(units.Select(static unit => (StageNames.WeightReconstruction, unit))).Append((StageNames.OutputTuning, OutputTuningStage.WholeModel)),
            quantized.Report!.Units.Select(static result => (result.Stage, result.Unit)));
        UnitAssert.SomeImproved(quantized.Report.Units);
        Assert.Contains(quantized.Report.Units, static result => result.Unit == "layers.1.downsample" && result.LossAfter < result.LossBefore);
    }

    private static SwinTransformer Create(SwinTransformerOptions options, int seed = 1)
    {
        var model = options.Create();
        Micro.Enliven(model, seed);
        model.eval();
        return model;
    }
}
