using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Reports.Measuring;
using IsVit.Tests.Optimization;
using IsVit.Tests.Optimization.SeveralTensors;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Reports;

public sealed class LandscapeTests
{
    private static readonly string[] s_stages = [StageNames.ActivationCalibration, StageNames.Reparameterization, StageNames.WeightCalibration];

    private static readonly (double First, double Second)[] s_points = [(0, 0), (0.5, 0), (-0.5, 0.5)];

    private static readonly LandscapeOptions s_small = new() { Points = 3, Radius = 0.5, SampleCount = 4 };

    /// <summary>The losses are those of the whole model's forward with the same weights, before stage 2 and after it.</summary>
    [Fact]
    public void Measure_Landscape_IsTheLossOfMovedWeights()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var shown = images.narrow(0, 0, 4);
        using var samples = new InMemorySamples([shown]);
        var (wanted, losses, errors) = (Units(model, shown), new Dictionary<string, double[]>(StringComparer.Ordinal), new List<double>());
        void Look(string when, QuantizationContext context)
        {
            using var plane = new WeightPlane(context.Graph, context.Graph.Units.Single(static unit => unit.Path == "blocks.1"));
            errors.AddRange(Units(model, shown).Zip(wanted, static (found, other) => ModelObservation.RelativeError([found], [other])));
            losses[when] = [.. s_points.Select(point =>
            {
                plane.MoveTo(point.First, point.Second);
                return ModelObservation.RelativeError([Units(model, shown)[1]], [wanted[1]]);
            })];
        }

        using var recorder = new ReportRecorder(ModelForward.Of(model), samples, new() { Landscape = s_small });
        using var quantized = Quantizer(
            [StageNames.ActivationCalibration, "before", StageNames.Reparameterization, "after", StageNames.WeightCalibration],
            new ProbeStage("before", context => Look("before", context)),
            new ProbeStage("after", context => Look("after", context))).Run(model, images, new() { Progress = recorder });

        var landscape = recorder.Measure(quantized).Landscape!;

        Assert.True(errors[1] > errors[0]);
        Assert.Equal(("blocks.1", 4), (landscape.Unit, landscape.SampleCount));
        Assert.Equal([-0.5, 0, 0.5], landscape.Steps);
        AssertClose(losses["before"], [landscape.MiddleBefore, landscape.Before[1][2], landscape.Before[2][0]]);
        AssertClose(losses["after"], [landscape.MiddleAfter, landscape.After[1][2], landscape.After[2][0]]);
        Assert.True(landscape.Before[2][0] > 1.2 * landscape.MiddleBefore);

        // The same function in the middle, but other steps around it.
        Assert.Equal(landscape.MiddleBefore, landscape.MiddleAfter, 0.02 * landscape.MiddleBefore);
        Assert.NotEqual(landscape.Before[1][2], landscape.After[1][2], 1e-4 * landscape.Before[1][2]);
    }

    [Fact]
    public void MoveTo_Step_ChangesEachFilterByThisPartOfItsSize()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var before = Micro.Copy(model);
        var random = get_rng_state();
        var graph = ModuleGraph.Trace(model, Micro.Images(count: 1));
        using (var plane = new WeightPlane(graph, graph.Units.Single(static unit => unit.Path == "blocks.0")))
        {
            plane.MoveTo(0, 0.25);
            var after = Micro.Copy(model);

            string[] moved = ["blocks.0.attn.qkv.weight", "blocks.0.attn.proj.weight", "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc2.weight"];
            Assert.Equal(moved, before.Keys.Where(name => !before[name].Equals(after[name])));
            Assert.All(moved, name => TensorAssert.Close(before[name].norm(1) * 0.25, (after[name] - before[name]).norm(1)));
            using var again = new WeightPlane(graph, graph.Units.Single(static unit => unit.Path == "blocks.1"));
        }

        Micro.AssertSame(before, Micro.Copy(model));
        Assert.True(random.Equals(get_rng_state()));
    }

    [Fact]
    public void Quantize_LandscapeLookedAt_GivesTheSameModel()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var images = Micro.Images(count: 16);
        using var samples = ReportRecorderTests.Samples(images);
        foreach (var isLookedAt in (bool[])[false, true])
        {
            using var model = Micro.Vit();
            using var recorder = new ReportRecorder(ModelForward.Of(model), samples, new() { Landscape = isLookedAt ? s_small : null });
            string[] stages = [StageNames.ActivationCalibration, StageNames.ActivationReconstruction, StageNames.Reparameterization, StageNames.WeightCalibration, StageNames.WeightReconstruction];
            using var quantized = Micro.Quantizer(stages, [], Coarse).Run(model, images, new() { Progress = recorder });
            Assert.Equal(isLookedAt, recorder.Measure(quantized).Landscape is not null);
            quantized.Save(folder[$"{isLookedAt}.safetensors"]);
            Assert.All(model.parameters(), static parameter => Assert.True(parameter.requires_grad && parameter.grad is null));
            Assert.All(quantized.Attachment.Bindings, static binding => Assert.Null(binding.Reader));
        }

        Assert.Equal(File.ReadAllBytes(folder["False.safetensors"]), File.ReadAllBytes(folder["True.safetensors"]));
    }

    [Fact]
    public void Measure_Stage2IsTheLast_IsLookedAtInTheEnd()
    {
        using var scope = NewDisposeScope();

        var landscape = Measure([StageNames.ActivationCalibration, StageNames.Reparameterization], RecipeNames.RepQ, static recorder => recorder)!;

        Assert.Equal(landscape.MiddleBefore, landscape.MiddleAfter, 0.02 * landscape.MiddleBefore);
    }

    [Fact]
    public void Measure_NoStage2_HasNone()
    {
        using var scope = NewDisposeScope();

        Assert.Null(Measure([StageNames.ActivationCalibration, StageNames.WeightCalibration], RecipeNames.MinMax, static recorder => recorder));
    }

    /// <summary>A listener that is told when the run has gone on must not touch the model.</summary>
    [Fact]
    public void Measure_ProgressToldLater_HasNone()
    {
        using var scope = NewDisposeScope();
        var told = new List<QuantizationProgress>();

        Assert.Null(Measure(s_stages, RecipeNames.RepQ, recorder => new Later(recorder, told)));
        Assert.Contains(told, static progress => progress.Stage == StageNames.Reparameterization);
    }

    [Fact]
    public void Measure_Swin_LooksAtABlockWithItsLayerNorms()
    {
        using var scope = NewDisposeScope();
        using var model = new SwinTransformer(new() { ImageSize = 16, PatchSize = 2, WindowSize = 4, EmbedDim = 12, Depths = [2, 1], HeadCounts = [2, 2], ClassCount = 5 });
        Micro.Enliven(model, 1);
        model.eval();
        var images = Seeded.Normal(1, 8, 3, 16, 16);
        using var samples = new InMemorySamples([images]);
        using var recorder = new ReportRecorder(ModelForward.Of(model), samples, new() { Landscape = s_small });
        using var quantized = Quantizer(s_stages).Run(model, images, new() { Progress = recorder });

        var landscape = recorder.Measure(quantized).Landscape!;

        Assert.Contains(landscape.Unit, (string[])["layers.0.blocks.0", "layers.0.blocks.1", "layers.1.downsample", "layers.1.blocks.0"]);
        Assert.Equal(landscape.MiddleBefore, landscape.MiddleAfter, 0.05 * landscape.MiddleBefore);
    }

    /// <summary>A picture must not cost the run: the report says why there is none.</summary>
    [Fact]
    public void Measure_UnitThatDoesNotRunAlone_SaysSo()
    {
        using var scope = NewDisposeScope();
        using var model = new Sly("field");
        Micro.Enliven(model, 3);
        model.eval();
        using var samples = new InMemorySamples([Seeded.Normal(1, 2, 12), Seeded.Normal(2, 2, 12)]);
        var trace = new TraceOptions { Units = ["_block"] };
        using var recorder = new ReportRecorder(ModelForward.Of(model), samples, new() { Trace = trace, Landscape = s_small with { Unit = "_block" } });
        using var quantized = Quantizer(s_stages).Quantize(ModelForward.Of(model), samples, new() { Progress = recorder, Trace = trace }, TestContext.Current.CancellationToken);

        var report = recorder.Measure(quantized);

        Assert.Null(report.Landscape);
        Assert.StartsWith("not looked at: the unit '_block' cannot be run alone: ", report.Run.Single(static fact => fact.Name == "loss around the weights").Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Measure_Cancelled_StopsTheRun()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using var samples = ReportRecorderTests.Samples(Micro.Images(count: 8));
        using var source = new CancellationTokenSource();
        using var recorder = new ReportRecorder(ModelForward.Of(model), samples, new() { Landscape = s_small });
        var progress = new Before(StageNames.Reparameterization, source.Cancel, recorder);

        Assert.ThrowsAny<OperationCanceledException>(() => Quantizer(s_stages).Quantize(ModelForward.Of(model), samples, new() { Progress = progress }, source.Token));

        Assert.False(progress.HasReturned);
    }

    [Fact]
    public void Constructor_NoSuchUnit_SaysWhatThereIs()
    {
        using var model = Micro.Vit();
        using var samples = ReportRecorderTests.Samples(Micro.Images(count: 2));

        var error = Assert.Throws<QuantizationException>(() => new ReportRecorder(ModelForward.Of(model), samples, new() { Landscape = s_small with { Unit = "blocks.7" } }));

        Assert.Equal("'blocks.7', whose loss is to be looked at around its weights, is no unit of the model; expected one of 'patch_embed', 'blocks.0', 'blocks.1', 'head'.", error.Message);
    }

    [Fact]
    public void Constructor_OptionOutOfRange_NamesIt()
    {
        using var samples = ReportRecorderTests.Samples(Micro.Images(count: 2));
        void Refused(LandscapeOptions options, string expected) =>
            Assert.Contains(expected, Assert.Throws<ArgumentOutOfRangeException>(() => new ReportRecorder(null, samples, new() { Landscape = options })).Message, StringComparison.Ordinal);

        Refused(new() { Points = 4 }, "LandscapeOptions.Points is 4; expected an odd number of 3 or more.");
        Refused(new() { Radius = 0 }, "LandscapeOptions.Radius is 0; expected a positive number.");
        Refused(new() { SampleCount = 0 }, "LandscapeOptions.SampleCount is 0; expected 1 or more.");
    }

    private static LossLandscape? Measure(IReadOnlyList<string> stages, string recipe, Func<ReportRecorder, IProgress<QuantizationProgress>> progress)
    {
        using var model = Micro.Vit();
        var images = Micro.Images(count: 8);
        using var samples = ReportRecorderTests.Samples(images);
        using var recorder = new ReportRecorder(ModelForward.Of(model), samples, new() { Landscape = s_small with { Unit = "blocks.0" } });
        var listener = progress(recorder);
        using var quantized = Micro.Quantizer(stages, [], options => options.Recipe = recipe).Run(model, images, new() { Progress = listener });
        (listener as Later)?.Tell();
        return recorder.Measure(quantized).Landscape;
    }

    private static ModelQuantizer Quantizer(IReadOnlyList<string> stages, params IReadOnlyList<IQuantizationStage> own) => Micro.Quantizer(stages, own, Coarse);

    private static void Coarse(QuantizationOptions options) => (options.Recipe, options.WeightBits, options.ActivationBits) = (RecipeNames.RepQ, 3, 4);

    // What both blocks give.
    private static List<Tensor> Units(VisionTransformer model, Tensor images)
    {
        var outputs = new List<Tensor>();
        var hooks = model.Blocks.Select(block => block.register_forward_hook((_, _, y) =>
        {
            outputs.Add(y.detach().clone().DetachFromDisposeScope());
            return y;
        })).ToList();
        Micro.Call(model, images);
        hooks.ForEach(static hook => hook.remove());
        return outputs;
    }

    // Products of a unit alone may round otherwise, and a number between two levels may fall to either.
    private static void AssertClose(double[] expected, double[] actual)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], 5e-3 * expected[i]);
        }
    }

    private sealed class Before(string stage, Action act, IProgress<QuantizationProgress> next) : IProgress<QuantizationProgress>
    {
        public bool HasReturned { get; private set; }

        public void Report(QuantizationProgress value)
        {
            if (value.Stage == stage)
            {
                act();
            }

            next.Report(value);
            HasReturned = value.Stage == stage;
        }
    }

    private sealed class Later(IProgress<QuantizationProgress> next, List<QuantizationProgress> told) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value) => told.Add(value);

        public void Tell() => told.ForEach(next.Report);
    }
}
