using IsVit.Model;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using TorchSharp;

namespace IsVit.Tests.Optimization;

public sealed class QuantizationOptionsTests
{
    public static TheoryData<string, Action<QuantizationOptions>> OutOfRange => new()
    {
        { "WeightBits is 1; allowed is 2 to 8.", static o => o.WeightBits = 1 },
        { "WeightBits is 9; allowed is 2 to 8.", static o => o.WeightBits = 9 },
        { "ActivationBits is 1; allowed is 2 to 8.", static o => o.ActivationBits = 1 },
        { "ActivationBits is 9; allowed is 2 to 8.", static o => o.ActivationBits = 9 },
        { "Seed is -1; allowed is 0 to 2147483647.", static o => o.Seed = -1 },
        { "Recipe is empty; expected the name of a recipe, such as 'isvit'.", static o => o.Recipe = " " },
        { "Recipe is empty; expected the name of a recipe, such as 'isvit'.", static o => o.Recipe = null! },
        { "Recipe is 'isvi'; known are baseline, integer, isvit, isvit-released, minmax, percentile, repq, sos-only, sulq-only, uniform, weight-only.", static o => o.Recipe = "isvi" },
        { "Calibration.ImageCount is 0; allowed is 1 to 2147483647.", static o => o.Calibration.ImageCount = 0 },
        { "Calibration.StatisticsImageCount is 0; allowed is 1 to 2147483647.", static o => o.Calibration.StatisticsImageCount = 0 },
        { "OutputMetric is 7; allowed is ClassProbabilities or Values.", static o => o.OutputMetric = (OutputMetric)7 },
        { "Calibration.Input is 7; allowed is Quantized or Full.", static o => o.Calibration.Input = (CalibrationInput)7 },
        { "Reconstruction.Iterations is -1; allowed is 0 to 2147483647.", static o => o.Reconstruction.Iterations = -1 },
        { "Reconstruction.BatchSize is 0; allowed is 1 to 2147483647.", static o => o.Reconstruction.BatchSize = 0 },
        { "Reconstruction.LearningRate is 0; allowed is any positive number.", static o => o.Reconstruction.LearningRate = 0 },
        { "Reconstruction.LearningRate is -0.5; allowed is any positive number.", static o => o.Reconstruction.LearningRate = -0.5 },
        { "Reconstruction.LearningRate is NaN; allowed is any positive number.", static o => o.Reconstruction.LearningRate = double.NaN },
        { "Reconstruction.LearningRate is Infinity; allowed is any positive number.", static o => o.Reconstruction.LearningRate = double.PositiveInfinity },
        { "Reconstruction.DropProbability is -0.1; allowed is 0 to 0.99.", static o => o.Reconstruction.DropProbability = -0.1 },
        { "Reconstruction.DropProbability is 1; allowed is 0 to 0.99.", static o => o.Reconstruction.DropProbability = 1 },
        { "Reconstruction.OutputWeight is -0.5; allowed is 0 or any positive number.", static o => o.Reconstruction.OutputWeight = -0.5 },
        { "Reconstruction.HeldOutShare is 0.6; allowed is 0 to 0.5.", static o => o.Reconstruction.HeldOutShare = 0.6 },
        { "Reconstruction.Views is 0; allowed is 1 to 64.", static o => o.Reconstruction.Views = 0 },
        { "Reconstruction.Views is 65; allowed is 1 to 64.", static o => o.Reconstruction.Views = 65 },
        { "Reconstruction.Evaluations is 0; allowed is 1 to 100.", static o => o.Reconstruction.Evaluations = 0 },
        { "Reconstruction.Evaluations is 101; allowed is 1 to 100.", static o => o.Reconstruction.Evaluations = 101 },
        { "Reconstruction.Cache is 7; allowed is Automatic or Memory or BFloat16 or Disk.", static o => o.Reconstruction.Cache = (ActivationStorage)7 },
        { "Reconstruction.Precision is 7; allowed is Automatic or Full or TensorFloat32 or BFloat16.", static o => o.Reconstruction.Precision = (MatrixPrecision)7 },
        { "Reconstruction.CacheDirectory is '/no/such/folder'; expected a folder that exists.", static o => o.Reconstruction.CacheDirectory = "/no/such/folder" },
        { "Reconstruction.CacheBudgetBytes is 0; allowed is 1 to 9223372036854775807.", static o => o.Reconstruction.CacheBudgetBytes = 0 },
        { "Calibration, Reconstruction, OutputTuning and Overrides must not be null.", static o => o.Calibration = null! },
        { "Calibration, Reconstruction, OutputTuning and Overrides must not be null.", static o => o.Reconstruction = null! },
        { "Calibration, Reconstruction, OutputTuning and Overrides must not be null.", static o => o.Overrides = null! },
        { "Overrides[1] is null; expected an override.", static o => o.Overrides = [new() { Pattern = "head" }, null!] },
        { "Overrides[1].Bits is 1; allowed is 2 to 8.", static o => o.Overrides = [new() { Pattern = "head" }, new() { Pattern = "head", Bits = 1 }] },
        { "Overrides[0].Bits is 9; allowed is 2 to 8.", static o => o.Overrides = [new() { Pattern = "head", Bits = 9 }] },
        { "Overrides[0].Pattern is empty; expected a module path such as 'blocks.*.mlp.fc1'.", static o => o.Overrides = [new() { Bits = 4 }] },
        { "Overrides[0].Operand is 9; allowed is Input or Weight or Left or Right or Output.", static o => o.Overrides = [new() { Pattern = "head", Operand = (SiteOperand)9 }] },
        { "Overrides[0].Scheme is empty; expected a quantizer's scheme, or null to leave it.", static o => o.Overrides = [new() { Pattern = "head", Scheme = "" }] },
        { "Overrides[0].Granularity is 'row'; expected 'tensor', 'channel:AXIS', or null to leave it.", static o => o.Overrides = [new() { Pattern = "head", Granularity = "row" }] },
        {
            "Overrides[0].Scheme is 'unifrom'; known are channel-levels, free-levels, log-sqrt2, log2, log2-mse, sulq, sulq-fitted, sulq-power-of-two, sulq-released, twin-uniform, uniform, uniform-minmax, uniform-mse, uniform-symmetric, uniform-symmetric-mse.",
            static o => o.Overrides = [new() { Pattern = "head", Scheme = "unifrom" }]
        },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void Create_OptionOutOfRange_NamesOptionValueAndWhatIsAllowed(string message, Action<QuantizationOptions> change)
    {
        var error = Assert.Throws<OptionsException>(() => ModelQuantizer.Create(change));

        Assert.Equal(message, error.Message);
    }

    [Theory]
    [InlineData(2, 2)]
    [InlineData(8, 8)]
    public void Create_OptionsAtTheEndsOfTheirRanges_AreTaken(int weightBits, int activationBits) => Assert.NotNull(ModelQuantizer.Create(options =>
    {
        (options.WeightBits, options.ActivationBits, options.Seed) = (weightBits, activationBits, int.MaxValue);
        options.Calibration.ImageCount = options.Calibration.StatisticsImageCount = 1;
        options.Reconstruction = new() { Iterations = 0, BatchSize = 1, LearningRate = double.Epsilon, Evaluations = 100, CacheBudgetBytes = 1 };
        options.Overrides = [new() { Pattern = "**", Bits = 2, Scheme = "uniform-mse" }];
    }));

    /// <summary>The model's input is quantized if an override says how, and by no override for all operands.</summary>
    [Theory]
    [InlineData(true, 8)]
    [InlineData(false, null)]
    public void Overrides_ModelInput_IsQuantizedWhenOperandAndSchemeAreGiven(bool isNamed, int? expected)
    {
        using var scope = torch.NewDisposeScope();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration, StageNames.WeightCalibration], [], options => options.Overrides =
        [
            new() { Pattern = "patch_embed.*", Operand = isNamed ? SiteOperand.Input : null, Scheme = SchemeNames.UniformMinMax, Bits = 8 },
        ]).Run(model, Micro.Images());

        Assert.Equal(expected, quantized.Attachment.Find("patch_embed.proj:input")?.Quantizer.Bits.Bits);
        Assert.Equal(isNamed ? 4 : 8, quantized.Attachment.Find("patch_embed.proj:weight")?.Quantizer.Bits.Bits);
    }

    // Section 3 of the method.
    [Fact]
    public void Defaults_AreThePapers()
    {
        var options = new QuantizationOptions();

        Assert.Equal((4, 4, "isvit", 0), (options.WeightBits, options.ActivationBits, options.Recipe, options.Seed));
        Assert.Equal(new CalibrationOptions { ImageCount = 64, StatisticsImageCount = 256, Input = CalibrationInput.Quantized }, options.Calibration);
        Assert.Equal((64, null, null), (options.Reconstruction.BatchSize, options.Reconstruction.LearningRate, options.Reconstruction.Iterations));
        Assert.Equal(OutputMetric.ClassProbabilities, options.OutputMetric);
        Assert.Empty(options.Overrides);
    }

    [Theory]
    [InlineData(3, 3, 1000)]
    [InlineData(4, 4, 1000)]
    [InlineData(6, 4, 1000)]
    [InlineData(6, 6, 200)]
    [InlineData(8, 8, 200)]
    public void IterationsFor_NothingSet_ThePapers(int weightBits, int activationBits, int expected)
    {
        var options = new QuantizationOptions();

        Assert.Equal(expected, options.Reconstruction.IterationsFor(weightBits, activationBits));
        options.Reconstruction.Iterations = 7;
        Assert.Equal(7, options.Reconstruction.IterationsFor(weightBits, activationBits));
    }

    /// <summary>As many views as let no step see one more than twice, at most 8, and none beyond 2048 images.</summary>
    [Theory]
    [InlineData(100, 32, 256, 6)]
    [InlineData(10, 32, 128, 1)]
    [InlineData(1000, 64, 256, 8)]
    [InlineData(1000, 64, 1024, 2)]
    [InlineData(1000, 64, 5000, 1)]
    [InlineData(0, 32, 256, 1)]
    public void ViewsFor_AnyRun_AreAsManyAsStepsNeed(int iterations, int batchSize, long images, int views)
    {
        var options = new ReconstructionOptions { BatchSize = batchSize };
        Assert.Equal(views, options.ViewsFor(fresh: true, images, iterations));
        Assert.Equal(1, options.ViewsFor(fresh: false, images, iterations));
        Assert.Equal(3, (options with { Views = 3 }).ViewsFor(fresh: false, images, iterations));
    }

    /// <summary>The product of rate and steps stays, between a largest rate and the paper's.</summary>
    [Theory]
    [InlineData(2500, 4e-5)]
    [InlineData(1000, 1e-4)]
    [InlineData(200, 5e-4)]
    [InlineData(100, 1e-3)]
    [InlineData(40, 1e-3)]
    [InlineData(1, 1e-3)]
    [InlineData(0, 1e-3)]
    [InlineData(20_000, 4e-5)]
    public void RateFor_AnySteps_MovesWeightsAsFar(int iterations, double rate) => Assert.Equal(rate, ReconstructionOptions.RateFor(iterations), rate * 1e-9);
}
