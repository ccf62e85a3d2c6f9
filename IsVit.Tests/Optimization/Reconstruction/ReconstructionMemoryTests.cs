using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Reconstruction;

/// <summary>Where a reconstruction keeps inputs and targets, and that it leaves nothing.</summary>
public sealed class ReconstructionMemoryTests
{
    [Fact]
    public void Run_CachesAboveTheBudget_NamesUnitNeededAndAllowedBeforeAnythingRuns()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        var progress = new RecordingProgress();

        // A block takes 17 tokens of 48 floats in and out; the quantized stage holds its input twice.
        const long Needed = 3L * 17 * 48 * 4 * Micro.ImageCount;
        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer(static options => (options.Reconstruction.Cache, options.Reconstruction.CacheBudgetBytes) = (ActivationStorage.Memory, Needed - 1))
            .Run(model, images, new QuantizationRun { Progress = progress }));

        Assert.Contains("'blocks.0'", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{Needed} bytes", error.Message, StringComparison.Ordinal);
        Assert.Contains($"CacheBudgetBytes allows: {Needed - 1} bytes", error.Message, StringComparison.Ordinal);
        Assert.Empty(progress.Reports);
        Micro.AssertUntouched(model, parameters, images, output);

        using var quantized = Micro.Quantizer(static options => options.Reconstruction.CacheBudgetBytes = Needed).Run(model, images);
        Assert.Equal(Needed, quantized.Report!.CacheBytes);
    }

    [Theory]
    [InlineData(ActivationStorage.Disk, 8L << 30, 1)]
    [InlineData(ActivationStorage.Automatic, 1L, 3)]
    public void Run_ActivationsOnDisk_GivesTheSameModelAndLeavesNoFile(ActivationStorage storage, long budget, int views)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var images = Micro.Images();
        var inMemory = Outputs(images, options => (options.Reconstruction.Views, options.Reconstruction.Cache) = (views, ActivationStorage.Memory));
        var onDisk = Outputs(images, options => (options.Reconstruction.Views, options.Reconstruction.Cache, options.Reconstruction.CacheBudgetBytes, options.Reconstruction.CacheDirectory) = (views, storage, budget, folder.Path));

        TensorAssert.Identical(inMemory.Output, onDisk.Output);
        Assert.Equal(0, onDisk.Report.CacheBytes);
        Assert.Equal(inMemory.Report.Units.Select(static unit => unit.LossAfter), onDisk.Report.Units.Select(static unit => unit.LossAfter));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Run_ActivationsAsBFloat16_TakesHalfAndComparesRoundedOnes()
    {
        using var scope = NewDisposeScope();
        var images = Micro.Images();
        var full = Outputs(images, static _ => { });
        var half = Outputs(images, static options => options.Reconstruction.Cache = ActivationStorage.BFloat16);

        Assert.Equal(full.Report.CacheBytes / 2, half.Report.CacheBytes);

        UnitAssert.SomeImproved(half.Report.Units);
        // Not the trained models: where no loss falls, every unit keeps the weights that it began with.
        Assert.NotEqual(full.Report.Units.Select(static unit => unit.LossBefore), half.Report.Units.Select(static unit => unit.LossBefore));
    }

    /// <summary>What is bfloat16 already is kept as it is, and read as it is.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Run_BFloat16Model_ActivationsAsBFloat16ChangeNothing(int views)
    {
        using var scope = NewDisposeScope();
        Tensor Output(ActivationStorage cache)
        {
            using var model = Micro.Vit().to(bfloat16);
            var images = Micro.Images(count: 16).to(bfloat16);
            using var quantized = Micro.Quantizer(options => (options.Recipe, options.Reconstruction.Views, options.Reconstruction.Cache) = (RecipeNames.Released, views, cache)).Run(model, images);
            return quantized.Predict(images);
        }

        TensorAssert.Identical(Output(ActivationStorage.Memory), Output(ActivationStorage.BFloat16));
    }

    [Fact]
    public void Run_NoFilesCanBeMade_NamesTheFolderAndLeavesTheModel()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The folder in which nobody can make files is Linux's /proc.");
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));

        var error = Assert.Throws<QuantizationException>(() =>
            Micro.Quantizer(static options => (options.Reconstruction.Cache, options.Reconstruction.CacheDirectory) = (ActivationStorage.Disk, "/proc")).Run(model, images));

        Assert.Contains("'/proc'", error.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(ReconstructionOptions.CacheDirectory), error.Message, StringComparison.Ordinal);
        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Fact]
    public void Run_MoreSteps_NoMoreTensors()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var live = new Dictionary<(string, string?), HashSet<long>>();
        var progress = new RecordingProgress(report =>
        {
            // The first steps make the optimizer's and the gradients' tensors.
            if (report.Iteration > 2)
            {
                live.TryAdd((report.Stage, report.Unit), []);
                live[(report.Stage, report.Unit)].Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
            }
        });

        using var quantized = Micro.Quantizer(static options =>
        {
            options.Reconstruction.Iterations = 40;
            options.Reconstruction.Evaluations = 1;
        }).Run(model, Micro.Images(), new QuantizationRun { Progress = progress });

        Assert.Equal(7, live.Count);
        Assert.All(live.Values, static counts => Assert.Single(counts));
    }

    private static (Tensor Output, QuantizationReport Report) Outputs(Tensor images, Action<QuantizationOptions> configure)
    {
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(configure).Run(model, images);
        return (Micro.Call(model, images), quantized.Report!);
    }
}
