using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Tests.Graph;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Recipes;

public sealed class QuantizationRecipeTests
{
    public static TheoryData<string, int> EveryRecipeAndBits => new(
        from recipe in QuantizationRecipes.All from bits in new[] { 2, 3, 4, 5, 6, 7, 8 } select (recipe.Name, bits));

    [Theory]
    [MemberData(nameof(EveryRecipeAndBits))]
    public void Quantize_EveryRecipeAndWidth_RunsWithCodesOfThatWidth(string recipe, int bits)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(options: Micro.Options with { Depth = 1 });
        var images = Micro.Images(count: 8);

        using var quantized = Micro.Quantizer(options =>
        {
            options.Recipe = recipe;
            options.WeightBits = options.ActivationBits = bits;
            options.Reconstruction.Iterations = 2;
        }).Run(model, images);

        Assert.True(quantized.Predict(images).isfinite().all().item<bool>());
        Assert.All(quantized.Attachment.Bindings, binding => Assert.Equal(bits, binding.Quantizer.Bits.Bits));
        Assert.All(quantized.Attachment.Bindings, binding => Assert.Equal(binding.IsWeight ? SiteState.Off : SiteState.Quantized, binding.State));
        Assert.Equal(Micro.StagesOf(recipe), quantized.Report!.Stages.Select(static stage => stage.Name));
    }

    [Fact]
    public void Quantize_WeightOnly_LeavesActivationsInFloat()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var reference = Micro.Call(model, images);

        using var quantized = Micro.Quantizer(static options => options.Use(QuantizationPresets.W4A16)).Run(model, images);

        Assert.All(quantized.Attachment.Bindings, static binding => Assert.True(binding.IsWeight));
        Assert.All(quantized.Attachment.Bindings, static binding => Assert.Equal("true", binding.Quantizer.ExportParameters().Options["symmetric"]));
        Assert.Equal((4, QuantizationReport.FloatActivationBits), (quantized.Report!.WeightBits, quantized.Report.ActivationBits));
        using var rounded = Micro.Vit();
        using var calibrated = Micro.Quantizer(static options =>
        {
            options.Use(QuantizationPresets.W4A16);
            options.Recipe = RecipeNames.MinMax;
            options.ActivationBits = 8;
        }).Run(rounded, images);
        double Error(Tensor logits) => (logits - reference).square().mean().item<float>();
        Assert.InRange(Error(quantized.Predict(images)), 1e-9, 0.8 * Error(calibrated.Predict(images)));
    }

    [Fact]
    public void Use_EveryPreset_SetsRecipeAndBits()
    {
        Assert.Equal(["w8a8", "w7a8", "w4a8", "w4a16"], QuantizationPresets.All.Select(static preset => preset.Name));
        foreach (var preset in QuantizationPresets.All)
        {
            var options = new QuantizationOptions();
            options.Use(preset);
            Assert.Equal((preset.Recipe, preset.WeightBits, preset.ActivationBits ?? 4), (options.Recipe, options.WeightBits, options.ActivationBits));
            options.Validate();
        }

        Assert.Throws<ArgumentNullException>(static () => new QuantizationOptions().Use((QuantizationPreset)null!));
    }

    // Section 1 of the method, the column before stage 2.
    [Fact]
    public void All_ISVit_GivesEverySiteItsQuantizer()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(options: Micro.Options with { Depth = 1 });
        Dictionary<string, string> found = [];

        using var quantized = Micro.Quantizer(
            [StageNames.ActivationCalibration, "look"],
            [new ProbeStage("look", context => found = context.Attachment.Bindings.ToDictionary(static b => b.Site.Id, static b => $"{b.Quantizer.Scheme} {b.Quantizer.Granularity}", StringComparer.Ordinal))])
            .Run(model, Micro.Images(count: 4));

        Assert.Equal(
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["patch_embed.proj:weight"] = "channel-levels channel:0",
                ["blocks.0.attn.qkv:input"] = "free-levels channel:-1",
                ["blocks.0.attn.qkv:weight"] = "channel-levels channel:0",
                ["blocks.0.attn.qk:left"] = "free-levels tensor",
                ["blocks.0.attn.qk:right"] = "free-levels tensor",
                ["blocks.0.attn.av:left"] = "sulq tensor",
                ["blocks.0.attn.av:right"] = "free-levels tensor",
                ["blocks.0.attn.proj:input"] = "free-levels tensor",
                ["blocks.0.attn.proj:weight"] = "channel-levels channel:0",
                ["blocks.0.mlp.fc1:input"] = "free-levels channel:-1",
                ["blocks.0.mlp.fc1:weight"] = "channel-levels channel:0",
                ["blocks.0.mlp.fc2:input"] = "free-levels tensor",
                ["blocks.0.mlp.fc2:weight"] = "channel-levels channel:0",
                ["head:input"] = "free-levels tensor",
                ["head:weight"] = "channel-levels channel:0",
            },
            found);
    }

    [Fact]
    public void Quantize_Overrides_ChangeTheSitesTheyFit()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        using var quantized = Micro.Quantizer(static options => options.Overrides =
        [
            new() { Pattern = "head", Bits = 8 },
            new() { Pattern = "blocks.*.mlp.fc2", Operand = SiteOperand.Input, Scheme = "twin-uniform" },
            new() { Pattern = "blocks.0.**", Operand = SiteOperand.Weight, Quantize = false },
            new() { Pattern = "blocks.0.attn.qkv", Operand = SiteOperand.Weight, Bits = 6 },
            new() { Pattern = "blocks.1.attn.proj", Bits = 5 },
            new() { Pattern = "blocks.1.attn.proj", Bits = 7 },
        ]).Run(model, Micro.Images());

        string Of(string id) => quantized.Attachment.Find(id) is { } binding ? $"{binding.Quantizer.Scheme} {binding.Quantizer.Bits.Bits}" : "float";
        Assert.Equal(("uniform 8", "uniform 8"), (Of("head:input"), Of("head:weight")));
        Assert.Equal(("twin-uniform 4", "channel-levels 4"), (Of("blocks.1.mlp.fc2:input"), Of("blocks.1.mlp.fc2:weight")));
        Assert.Equal(("float", "channel-levels 6", "free-levels 4"), (Of("blocks.0.mlp.fc1:weight"), Of("blocks.0.attn.qkv:weight"), Of("blocks.0.mlp.fc1:input")));
        Assert.Equal(("uniform 7", "uniform 7"), (Of("blocks.1.attn.proj:input"), Of("blocks.1.attn.proj:weight")));
    }

    [Fact]
    public void Quantize_OverrideThatFitsNothing_NamesItAndThePaths()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer(static options => options.Overrides =
            [new() { Pattern = "head", Bits = 8 }, new() { Pattern = "block.*.mlp.fc1", Bits = 8 }]).Run(model, Micro.Images()));

        Assert.Contains("Overrides[1].Pattern is 'block.*.mlp.fc1'", error.Message, StringComparison.Ordinal);
        Assert.Contains("blocks.0.mlp.fc1", error.Message, StringComparison.Ordinal);
        Assert.Empty(Hooks.Of(model));
    }

    /// <summary>An override that says how a site is quantized and changes nothing would be taken for what ran.</summary>
    [Theory]
    [InlineData("blocks.*.mlp.fc1", SiteOperand.Input, 8, null, null)]
    [InlineData("blocks.1.attn.*", SiteOperand.Left, null, "sulq", null)]
    [InlineData("head", SiteOperand.Input, null, null, "tensor")]
    public void Quantize_OverrideOfWhatTheRecipeLeavesInFloat_SaysSo(string pattern, SiteOperand operand, int? bits, string? scheme, string? granularity)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var id = ModuleGraph.Trace(model, Micro.Images(count: 1)).Sites.First(site => new SiteOverride { Pattern = pattern, Operand = operand }.Fits(site)).Id;

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer(options =>
            (options.Recipe, options.Overrides) = (RecipeNames.WeightOnly, [new() { Pattern = "**", Bits = 6 }, new() { Pattern = pattern, Operand = operand, Bits = bits, Scheme = scheme, Granularity = granularity }])).Run(model, Micro.Images()));

        Assert.StartsWith($"Overrides[1] says how '{id}'", error.Message, StringComparison.Ordinal);
        Assert.Contains("recipe 'weight-only' leaves sites of role", error.Message, StringComparison.Ordinal);
        Assert.Empty(Hooks.Of(model));
    }

    [Theory]
    [InlineData("uniform-symmetric")]
    [InlineData("uniform-minmax")]
    [InlineData("uniform-mse")]
    public void Quantize_OtherUniformForPostLayerNorm_SurvivesStage2(string scheme)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();

        using var quantized = Micro.Quantizer(options => options.Overrides =
        [
            new() { Pattern = "blocks.*.attn.qkv", Scheme = scheme },
            new() { Pattern = "blocks.*.mlp.fc1", Operand = SiteOperand.Input, Scheme = scheme },
        ]).Run(model, images);

        var quantizer = quantized.Attachment.Find("blocks.1.mlp.fc1:input")!.Quantizer;
        Assert.IsType<Granularity.PerTensor>(quantizer.Granularity);
        Assert.Equal(scheme == "uniform-symmetric" ? "true" : "false", quantizer.ExportParameters().Options["symmetric"]);
        UnitAssert.SomeImproved(quantized.Report!.Units);
    }

    [Theory]
    [InlineData(StageNames.Gptq, StageNames.WeightCalibration)]
    [InlineData(StageNames.BiasCorrection, StageNames.WeightCalibration)]
    [InlineData(StageNames.WeightReconstruction, StageNames.WeightCalibration)]
    [InlineData(StageNames.DirectReconstruction, StageNames.ActivationCalibration)]
    [InlineData(StageNames.ActivationReconstruction, StageNames.ActivationCalibration)]
    [InlineData(StageNames.RidgeCorrection, StageNames.ActivationCalibration)]
    [InlineData(StageNames.Reparameterization, StageNames.ActivationCalibration)]
    [InlineData(StageNames.WeightCalibration, StageNames.Reparameterization)]
    [InlineData(StageNames.ActivationCalibration, StageNames.HeadRotation)]
    [InlineData(StageNames.WeightCalibration, StageNames.ValueNormalization)]
    [InlineData(StageNames.ValueNormalization, StageNames.HeadRotation)]
    public void Create_StageBeforeOneThatItBuildsOn_SaysWhich(string first, string second)
    {
        var error = Assert.Throws<OptionsException>(() => Micro.Quantizer([first, second], []));

        Assert.Equal($"Recipe 'own' has the stage '{first}' before '{second}'; expected it behind, for it builds on what '{second}' does.", error.Message);
        Assert.NotNull(Micro.Quantizer([second, first], []));
        Assert.NotNull(Micro.Quantizer([second, first, second], []));
        Assert.NotNull(Micro.Quantizer([first], []));
    }

    [Fact]
    public void Names_AreThoseOfTheBuiltInRecipes() => Assert.Equal(
        [RecipeNames.ISVit, RecipeNames.Released, RecipeNames.RepQ, RecipeNames.MinMax, RecipeNames.Percentile, RecipeNames.SulqOnly, RecipeNames.SosOnly, RecipeNames.Baseline, RecipeNames.Uniform, RecipeNames.IntegerArithmetic, RecipeNames.WeightOnly],
        QuantizationRecipes.All.Select(static recipe => recipe.Name));
}
