using IsVit.Core.Quantization;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

public sealed class ModelQuantizerTests
{
    [Fact]
    public void Quantize_ThreeLinesWithoutContainer_GivesAModel()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();

        var quantizer = ModelQuantizer.Create(static options => options.Reconstruction.Iterations = 2);
        using var quantized = quantizer.Run(model, images);
        var logits = quantized.Predict(images);

        Assert.Equal([Micro.ImageCount, 10], logits.shape);
        Assert.False(logits.requires_grad);
        TensorAssert.Identical(logits, Micro.Call(model, images));
    }

    [Fact]
    public void Quantize_SameSeedTwice_SameParametersAndLogitsBitForBit()
    {
        using var scope = NewDisposeScope();
        var (first, second, other) = (Run(0), Run(0), Run(1));

        Micro.AssertSame(first.Parameters, second.Parameters);
        TensorAssert.Identical(first.Logits, second.Logits);
        Assert.Equal(first.StepLosses, second.StepLosses);
        // Other images in the steps; what they lead to is kept only in units whose loss falls.
        Assert.NotEqual(first.StepLosses, other.StepLosses);

        static (Dictionary<string, Tensor> Parameters, Tensor Logits, double?[] StepLosses) Run(int seed)
        {
            using var model = Micro.Vit();
            var progress = new RecordingProgress();
            using var quantized = Micro.Quantizer(options => options.Seed = seed).Run(model, Micro.Images(), new QuantizationRun { Progress = progress });
            return (Micro.Copy(model), quantized.Predict(Micro.Images(7)), progress.StepLosses);
        }
    }

    [Fact]
    public void Quantize_Dispose_LeavesQuantizedWeightsAndNoHook()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var quantized = Micro.Quantizer(static options => options.WeightBits = 3).Run(model, Micro.Images());
        Assert.NotEmpty(Hooks.Of(model));

        quantized.Dispose();
        quantized.Dispose();

        Assert.Empty(Hooks.Of(model));
        Assert.All(Micro.Linears(model), static linear => Assert.All(
            Enumerable.Range(0, (int)linear.weight.shape[0]),
            row => Assert.InRange(linear.weight[row].detach().data<float>().ToArray().Distinct().Count(), 2, 8)));
    }

    [Fact]
    public void Quantize_Twice_RefusesWhileTheFirstIsAttached()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        using var quantized = Micro.Quantizer().Run(model, images);
        var (parameters, logits) = (Micro.Copy(model), quantized.Predict(images));

        Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, images));

        Micro.AssertSame(parameters, Micro.Copy(model));
        TensorAssert.Identical(logits, quantized.Predict(images));
    }

    public static TheoryData<string, string?, int> CancellationPoints => new()
    {
        { StageNames.ActivationCalibration, null, 0 },
        { StageNames.ActivationReconstruction, null, 0 },
        { StageNames.ActivationReconstruction, "blocks.0", 0 },
        { StageNames.ActivationReconstruction, "blocks.1", 3 },
        { StageNames.ActivationReconstruction, "head", 6 },
        { StageNames.Reparameterization, null, 0 },
        { StageNames.WeightCalibration, null, 0 },
        { StageNames.WeightReconstruction, "patch_embed", 1 },
        { StageNames.WeightReconstruction, "blocks.1", 4 },
    };

    [Theory]
    [MemberData(nameof(CancellationPoints))]
    public void Quantize_Cancelled_StopsWithinOneStepAndLeavesTheModelAsItWas(string stage, string? unit, int iteration)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(options: Micro.Options with { QkvBias = false });
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        using var source = new CancellationTokenSource();
        var later = 0;
        var progress = new RecordingProgress(report =>
        {
            later += source.IsCancellationRequested ? 1 : 0;
            if (report.Stage == stage && report.Unit == unit && report.Iteration == iteration)
            {
                source.Cancel();
            }
        });

        Assert.ThrowsAny<OperationCanceledException>(() => Micro.Quantizer().Quantize(model, images, new QuantizationRun { Progress = progress }, source.Token));

        Assert.True(source.IsCancellationRequested);
        Assert.Equal(0, later);
        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Fact]
    public void Quantize_CancelledBefore_DoesNotEvenTrace()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var calls = 0;
        model.register_forward_hook((_, _, y) =>
        {
            calls++;
            return y;
        });

        Assert.ThrowsAny<OperationCanceledException>(() => Micro.Quantizer().Quantize(model, Micro.Images(), cancellationToken: new CancellationToken(true)));

        Assert.Equal(0, calls);
    }

    [Fact]
    public void Quantize_CancelledWhileAQuantizerCalibrates_StopsBeforeTheNextSite()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        using var source = new CancellationTokenSource();
        var factory = new CountingFactory(count =>
        {
            if (count == 1)
            {
                source.Cancel();
            }
        });
        var quantizer = new ModelQuantizer(
            new QuantizationOptions { Recipe = RecipeNames.Percentile },
            new QuantizerRegistry(BuiltIn.QuantizerFactories().Append(factory)),
            QuantizationRecipes.All,
            [],
            new SquaredErrorLoss());

        Assert.ThrowsAny<OperationCanceledException>(() => quantizer.Quantize(model, images, cancellationToken: source.Token));

        Assert.Equal(1, factory.Calibrations);
        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Theory]
    [InlineData("stage")]
    [InlineData("loss")]
    [InlineData("progress")]
    [InlineData("score")]
    public void Quantize_ForeignCodeThrows_PassesItOnAndLeavesTheModelAsItWas(string where)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(options: Micro.Options with { QkvBias = false });
        model.train();
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        void Throw(bool now)
        {
            if (now)
            {
                throw new NotSupportedException("as planned");
            }
        }

        var losses = 0;
        var scores = 0;
        string[] stages = [.. Micro.StagesOf(RecipeNames.ISVit), "last"];
        var quantizer = Micro.Quantizer(
            stages, [new ProbeStage("last", _ => Throw(where == "stage"))], loss: new ThrowingLoss(() => Throw(where == "loss" && ++losses == 50)));
        var run = new QuantizationRun
        {
            Progress = new RecordingProgress(report => Throw(where == "progress" && report is { Stage: StageNames.WeightReconstruction, Iteration: 3 })),
            Evaluate = _ =>
            {
                Throw(where == "score" && ++scores == 3);
                return 0;
            },
        };

        var error = Assert.Throws<NotSupportedException>(() => quantizer.Run(model, images, run));

        Assert.Equal("as planned", error.Message);
        Assert.True(model.training);
        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Fact]
    public void Quantize_Progress_IsMonotoneAndComplete()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var progress = new RecordingProgress();

        using var quantized = Micro.Quantizer().Run(model, Micro.Images(), new QuantizationRun { Progress = progress });

        var reports = progress.Reports;
        Assert.Equal(Micro.StagesOf(RecipeNames.ISVit), reports.Select(static report => report.Stage).Distinct());
        var count = QuantizationRecipes.All[0].Stages.Count;
        Assert.All(reports, report => Assert.Equal(count, report.StageCount));
        Assert.Equal(Enumerable.Range(0, count), reports.Select(static report => report.StageIndex).Distinct());
        Assert.All(reports.Zip(reports.Skip(1)), static pair => Assert.InRange(pair.Second.Share, pair.First.Share, 1));
        Assert.Equal(WorkBefore(StageNames.WeightReconstruction), reports.First(static report => report.Stage == StageNames.WeightReconstruction).Share, 1e-9);
        string[] units = ["patch_embed", "blocks.0", "blocks.1", "head"];
        foreach (var stage in new[] { StageNames.ActivationReconstruction, StageNames.WeightReconstruction })
        {
            var own = reports.Where(report => report.Stage == stage && report.Unit is not null).ToList();
            Assert.Equal(units, own.Select(static report => report.Unit!).Distinct());
            Assert.All(own, report => Assert.Equal((Array.IndexOf(units, report.Unit), 4, 6), (report.UnitIndex, report.UnitCount, report.Iterations)));
            foreach (var unit in units.Skip(stage == StageNames.ActivationReconstruction ? 1 : 0))
            {
                Assert.Equal(Enumerable.Range(0, 7), own.Where(report => report.Unit == unit).Select(static report => report.Iteration));
                Assert.All(own.Where(report => report.Unit == unit && report.Iteration > 0), static report => Assert.True(report.Loss > 0));
            }
        }

        var positions = reports.Select(static report => (report.StageIndex, report.UnitIndex, report.Iteration)).ToList();
        Assert.Equal(positions.Order(), positions);
        Assert.Equal(reports.Select(static report => report.Elapsed).Order(), reports.Select(static report => report.Elapsed));
        Assert.All(reports.Where(static report => report.Iteration > 0), static report => Assert.NotNull(report.Remaining));
        Assert.Equal(TimeSpan.Zero, reports[^1].Remaining);

        // The share of the work that a run has done when a stage begins, a way back being twice the way there.
        static double WorkBefore(string stage)
        {
            var options = new QuantizationOptions();
            Micro.Quick(options);
            var recipe = QuantizationRecipes.Find(RecipeNames.ISVit)!;
            var costs = recipe.Stages.Select(known => (known.Name, Cost: known.WorkFor(options, recipe, Micro.ImageCount) is var work && work.Forwards + (3 * work.Steps) is > 0 and var cost ? cost : Micro.ImageCount)).ToList();
            return costs.TakeWhile(entry => entry.Name != stage).Sum(static entry => entry.Cost) / costs.Sum(static entry => entry.Cost);
        }
    }

    [Fact]
    public void Quantize_Logger_GetsStructuredEvents()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var logger = new RecordingLogger<ModelQuantizer>();

        using var quantized = Micro.Quantizer(static options => options.WeightBits = 3, logger).Run(model, Micro.Images());

        var started = logger.Events[0];
        Assert.Equal(1, started.Id);
        Assert.Equal((RecipeNames.ISVit, 3, 4, (long)Micro.ImageCount, 4), (started.Values["Recipe"], started.Values["WeightBits"], started.Values["ActivationBits"], started.Values["ImageCount"], started.Values["UnitCount"]));
        Assert.Equal(Micro.StagesOf(RecipeNames.ISVit), logger.Events.Where(static e => e.Id == 2).Select(static e => (string)e.Values["Stage"]!));
        Assert.Equal(quantized.Report!.Units.Select(static unit => (unit.Stage, unit.Unit, unit.LossAfter)), logger.Events.Where(static e => e.Id == 3).Select(static e => ((string)e.Values["Stage"]!, (string)e.Values["Unit"]!, (double)e.Values["LossAfter"]!)));
        Assert.Equal(2, logger.Events.Count(static e => e.Id == 4));
        Assert.Equal(4, logger.Events.Count(static e => e.Id == 5));
        Assert.All(logger.Events, static e => Assert.Equal(LogLevel.Information, e.Level));
    }

    [Fact]
    public void Quantize_Fails_LogsAWarningWithTheError()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var logger = new RecordingLogger<ModelQuantizer>();

        Assert.Throws<NotSupportedException>(() => Micro.Quantizer(logger: logger).Run(model, Micro.Images(), new QuantizationRun { Evaluate = static _ => throw new NotSupportedException() }));

        var last = logger.Events[^1];
        Assert.Equal((LogLevel.Warning, 6), (last.Level, last.Id));
        Assert.IsType<NotSupportedException>(last.Error);
    }

    [Fact]
    public void Quantize_Evaluate_ScoresEveryStageWithoutGradients()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var scores = new List<double>();

        using var quantized = Micro.Quantizer().Run(model, images, new QuantizationRun
        {
            Evaluate = scored =>
            {
                var logits = scored.Run(new SampleBatch(images)).Single();
                Assert.False(logits.requires_grad);
                Assert.False(scored.Module.training);
                scores.Add(logits.sum().item<float>());
                return scores[^1];
            },
        });

        Assert.Equal(QuantizationRecipes.All[0].Stages.Count, scores.Count);
        Assert.Equal(scores.Select(static score => (double?)score), quantized.Report!.Stages.Select(static stage => stage.Score));
        Assert.Equal((float)scores[^1], quantized.Predict(images).sum().item<float>());
    }

    [Fact]
    public void Quantize_Report_SaysWhatWasDone()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        using var quantized = Micro.Quantizer(static options => (options.WeightBits, options.ActivationBits, options.Seed) = (5, 6, 9)).Run(model, Micro.Images());

        var report = quantized.Report!;
        Assert.Equal((RecipeNames.ISVit, 5, 6, 9, Micro.ImageCount), (report.Recipe, report.WeightBits, report.ActivationBits, report.Seed, report.ImageCount));
        Assert.Equal(Micro.StagesOf(RecipeNames.ISVit), report.Stages.Select(static stage => stage.Name));
        Assert.All(report.Stages, static stage => Assert.Null(stage.Score));
        Assert.True(report.Duration >= report.Stages.Aggregate(TimeSpan.Zero, static (sum, stage) => sum + stage.Duration));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void Quantize_ImageThatIsNotFinite_NamesTheImage(float value)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        images[37, 1, 5, 5] = value;
        var parameters = Micro.Copy(model);

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, images));

        Assert.Contains("image 37", error.Message, StringComparison.Ordinal);
        Micro.AssertSame(parameters, Micro.Copy(model));
        Assert.Empty(Hooks.Of(model));
    }

    [Fact]
    public void Quantize_ActivationThatIsNotFinite_NamesTheLayer()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using (no_grad())
        {
            model.Blocks[1].Norm2.weight[3] = float.NaN;
        }

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, Micro.Images()));

        Assert.Contains("'blocks.1.mlp.fc1' gives a NaN", error.Message, StringComparison.Ordinal);
        Assert.Empty(Hooks.Of(model));
    }

    [Fact]
    public void Quantize_WeightThatIsNotFinite_NamesTheSite()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using (no_grad())
        {
            model.Head.weight[3, 1] = float.PositiveInfinity;
        }

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer(static options => options.Recipe = RecipeNames.MinMax).Run(model, Micro.Images()));

        Assert.Contains("'head:weight'", error.Message, StringComparison.Ordinal);
        Assert.Empty(Hooks.Of(model));
    }

    [Theory]
    [InlineData(new long[] { 5 })]
    [InlineData(new long[] { 0, 3, 32, 32 })]
    public void Quantize_NoImages_SaysWhatIsExpected(long[] shape)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, zeros(shape)));

        Assert.Contains($"[{string.Join(", ", shape)}]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantize_Images_AreUnchanged()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var before = images.clone();

        using var quantized = Micro.Quantizer().Run(model, images);

        TensorAssert.Identical(before, images);
    }

    [Fact]
    public void Quantize_AgainAndAgain_LeavesNoTensor()
    {
        void Once()
        {
            using var scope = NewDisposeScope();
            using var model = Micro.Vit(options: Micro.Options with { QkvBias = false });
            using var quantized = Micro.Quantizer().Run(model, Micro.Images());
        }

        LiveTensors.AssertNoneLeftBy(Once);
    }

    [Fact]
    public void Quantize_FailsAgainAndAgain_LeavesNoTensor()
    {
        void Once()
        {
            using var scope = NewDisposeScope();
            using var model = Micro.Vit(options: Micro.Options with { QkvBias = false });
            var images = Micro.Images();
            Assert.Throws<NotSupportedException>(() => Micro.Quantizer().Run(model, images, new QuantizationRun
            {
                Progress = new RecordingProgress(static report => _ = report is { Stage: StageNames.WeightReconstruction, Iteration: 3 } ? throw new NotSupportedException() : 0),
            }));
        }

        LiveTensors.AssertNoneLeftBy(Once);
    }

    [Fact]
    public void Constructor_OptionsChangedAfterwards_KeepsThoseThatWereChecked()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        QuantizationOptions? kept = null;
        var quantizer = Micro.Quantizer(options => kept = options);
        (kept!.WeightBits, kept.Reconstruction.BatchSize, kept.Recipe) = (99, -1, "nonsense");

        using var quantized = quantizer.Run(model, Micro.Images());

        Assert.Equal((4, RecipeNames.ISVit), (quantized.Report!.WeightBits, quantized.Report.Recipe));
    }

    private sealed class ThrowingLoss(Action onCompute) : IReconstructionLoss
    {
        private readonly SquaredErrorLoss _inner = new();

        public Tensor Compute(Tensor output, Tensor target)
        {
            onCompute();
            return _inner.Compute(output, target);
        }
    }

    /// <summary>Makes real uniform quantizers, and tells when one is calibrated.</summary>
    private sealed class CountingFactory(Action<int> onCalibrate) : IQuantizerFactory
    {
        public int Calibrations { get; private set; }

        public string Scheme => UniformQuantizer.SchemeName;

        public IQuantizer Create(QuantizerSpec spec, bool isWeight) => new Counting(new UniformQuantizer(spec.Bits, spec.Granularity), () => onCalibrate(++Calibrations));

        private sealed class Counting(UniformQuantizer inner, Action onCalibrate) : IQuantizer
        {
            public string Scheme => inner.Scheme;

            public BitWidth Bits => inner.Bits;

            public Granularity Granularity => inner.Granularity;

            public bool IsCalibrated => inner.IsCalibrated;

            public void Calibrate(Tensor data)
            {
                inner.Calibrate(data);
                onCalibrate();
            }

            public IQuantizer Clone() => new Counting((UniformQuantizer)inner.Clone(), onCalibrate);

            public Tensor Dequantize(Tensor codes) => inner.Dequantize(codes);

            public void Dispose() => inner.Dispose();

            public QuantizationParameters ExportParameters() => inner.ExportParameters();

            public Tensor FakeQuantize(Tensor x) => inner.FakeQuantize(x);

            public void ImportParameters(QuantizationParameters parameters) => inner.ImportParameters(parameters);

            public void MoveTo(Device device) => inner.MoveTo(device);

            public Tensor Quantize(Tensor x) => inner.Quantize(x);
        }
    }
}
