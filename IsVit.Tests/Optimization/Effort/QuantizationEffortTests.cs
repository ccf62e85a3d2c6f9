using IsVit.Model.Quantization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Effort;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Effort;

public sealed class QuantizationEffortTests
{
    [Fact]
    public void Use_Thorough_IsThePaper()
    {
        var options = new QuantizationOptions();

        options.Use(QuantizationEfforts.Thorough);

        Assert.Equal((null, 64, 1024), (options.Reconstruction.Iterations, options.Reconstruction.BatchSize, options.Calibration.StatisticsImageCount));
        Assert.Equal(1024, QuantizationEfforts.Thorough.ImageCount);
        Assert.Equal(new QuantizationOptions().Reconstruction, options.Reconstruction);
    }

    [Fact]
    public void Use_Balanced_LeavesEverythingElse()
    {
        var options = new QuantizationOptions { WeightBits = 3, Recipe = RecipeNames.Uniform };

        options.Use(QuantizationEfforts.Balanced);

        Assert.Equal((100, 32, 256), (options.Reconstruction.Iterations, options.Reconstruction.BatchSize, options.Calibration.StatisticsImageCount));
        Assert.Equal((3, RecipeNames.Uniform), (options.WeightBits, options.Recipe));
    }

    /// <summary>The steps of reconstruction and what they are made of decide: 90 times the steps cost many times as much, and the model stays as it is.</summary>
    [Fact]
    public void EstimateDuration_MoreSteps_IsLonger()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var parameters = Micro.Copy(model);
        DurationEstimate Of(int iterations) => Micro.Quantizer(options => options.Reconstruction.Iterations = iterations).EstimateDuration(model, images);

        var (few, many) = (Of(10), Of(900));

        Assert.True(few.Total > 40 * few.ForwardOfImage);
        Assert.True(many.Total > 3 * few.Total, $"{few}, {many}");
        Micro.AssertSame(parameters, Micro.Copy(model));
        Assert.All(model.parameters(), static parameter => Assert.Null(parameter.grad));
        Assert.Empty(IsVit.Tests.Graph.Hooks.Of(model));
    }

    /// <summary>A unit that is trained for the outputs as well costs two thirds of a pass of the whole model for each image of each step.</summary>
    [Fact]
    public void WorkFor_OutputWeight_CountsPassesOfTheWholeModelForEachUnit()
    {
        var recipe = QuantizationRecipes.Find(RecipeNames.ISVit)!;
        IQuantizationStage stage = recipe.Stages.Single(static stage => stage.Name == StageNames.ActivationReconstruction);
        StageWork Of(double weight) => stage.WorkFor(new() { Reconstruction = { OutputWeight = weight, Iterations = 30, BatchSize = 8, Views = 1 } }, recipe, 64).For(units: 5);

        var (plain, weighted) = (Of(0), Of(0.5));

        Assert.Equal(plain.Forwards, weighted.Forwards);
        Assert.Equal(5 * 30 * 8 * 2 / 3.0, weighted.Steps - plain.Steps, 1e-9);
    }

    [Fact]
    public void EstimateDuration_ModelInTraining_IsLeftInTraining()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        model.train();

        Micro.Quantizer().EstimateDuration(model, Micro.Images());

        Assert.True(model.training);
    }

    [Fact]
    public void EstimateDuration_NoImages_Throws()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        Assert.Throws<QuantizationException>(() => Micro.Quantizer().EstimateDuration(model, zeros(0, 3, 32, 32)));
    }

    [Fact]
    public void EstimateDuration_AgainAndAgain_LeavesNoTensor()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var quantizer = Micro.Quantizer();
        LiveTensors.AssertNoneLeftBy(() => quantizer.EstimateDuration(model, images));
    }
}
