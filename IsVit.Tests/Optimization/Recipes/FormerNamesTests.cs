using IsVit.Model.Quantization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Optimization.Recipes;

public class FormerNamesTests
{
    [Fact]
    public void Quantize_FormerRecipe_IsTheOneOfToday()
    {
        using var model = Micro.Vit();
        using var images = Micro.Images();
        using var quantized = Micro.Quantizer(static options => options.Recipe = "neither").Run(model, images);

        Assert.Equal("baseline", quantized.Report!.Recipe);
        Assert.Contains("gptq", quantized.Report.Stages.Select(static stage => stage.Name));
    }

    [Theory]
    [InlineData("uniform-fine", "uniform-mse")]
    [InlineData("uniform-symmetric-fine", "uniform-symmetric-mse")]
    [InlineData("log2-fine", "log2-mse")]
    public void Create_FormerScheme_MakesTheQuantizerOfToday(string former, string now)
    {
        var registry = BuiltIn.CreateRegistry();
        using var before = registry.Create(new(former, 4, Granularity.Tensor), isWeight: false);
        using var after = registry.Create(new(now, 4, Granularity.Tensor), isWeight: false);
        using var normal = Seeded.Normal(3, 64);
        using var numbers = normal.abs();
        before.Calibrate(numbers);
        after.Calibrate(numbers);

        Assert.Equal(after.Scheme, before.Scheme);
        using var wanted = after.FakeQuantize(numbers);
        using var found = before.FakeQuantize(numbers);
        TensorAssert.Identical(wanted, found);
    }

    [Fact]
    public void Quantize_RecipeOfFormerStageNames_RunsTheStagesOfToday()
    {
        using var model = Micro.Vit();
        using var images = Micro.Images();
        using var quantized = Micro.Quantizer(["activation-calibration", "activation-compensation", "weight-calibration", "weight-compensation"], []).Run(model, images);

        Assert.Equal(["activation-calibration", "ridge-correction", "weight-calibration", "gptq"], quantized.Report!.Stages.Select(static stage => stage.Name));
    }

    [Fact]
    public void Create_FormerStageNamesInAnOrderThatCannotWork_Throws()
    {
        var e = Assert.Throws<OptionsException>(static () => Micro.Quantizer(["weight-compensation", "weight-calibration"], []));

        Assert.Contains("'gptq' before 'weight-calibration'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_NoSuchRecipe_IsNull() => Assert.Null(QuantizationRecipes.Find("nither"));
}
