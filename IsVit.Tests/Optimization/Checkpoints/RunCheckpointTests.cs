using System.Text.Json.Nodes;
using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reconstruction;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Checkpoints;

public sealed class RunCheckpointTests(RunCheckpointTests.FinishedRuns finished) : IClassFixture<RunCheckpointTests.FinishedRuns>
{
    [Theory]
    [InlineData(StageNames.ActivationReconstruction, "blocks.0", 2, 0)]
    [InlineData(StageNames.ActivationReconstruction, "blocks.1", 5, 1)]
    [InlineData(StageNames.WeightReconstruction, "patch_embed", 1, 3)]
    [InlineData(StageNames.WeightReconstruction, "blocks.1", 3, 5)]
    [InlineData(StageNames.WeightReconstruction, "head", 6, 6)]
    public void Quantize_KilledAndResumed_SameParametersAsUninterrupted(string stage, string unit, int iteration, int finishedUnits)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var killed = Micro.Vit();
        var images = Micro.Images();
        using var source = new CancellationTokenSource();
        var progress = new RecordingProgress(report =>
        {
            if (report.Stage == stage && report.Unit == unit && report.Iteration == iteration)
            {
                source.Cancel();
            }
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Micro.Quantizer().Quantize(killed, images, new QuantizationRun { CheckpointDirectory = folder.Path, Progress = progress }, source.Token));
        Assert.Equal(finishedUnits, Directory.GetFiles(folder.Path, "stage*").Length);

        using var resumed = Micro.Quantizer().Run(killed, images, new QuantizationRun { CheckpointDirectory = folder.Path });

        Micro.AssertSame(Micro.Copy(finished.Model), Micro.Copy(killed));
        TensorAssert.Identical(finished.Quantized.Predict(images), resumed.Predict(images));
        Assert.Equal(finishedUnits, resumed.Report!.Units.Count(static result => result.StopReason == StopReason.Resumed));
        Assert.Equal(
            finished.Quantized.Report!.Units.Select(static result => (result.Unit, result.Stage, result.LossBefore, result.LossAfter)),
            resumed.Report.Units.Select(static result => (result.Unit, result.Stage, result.LossBefore, result.LossAfter)));
    }

    /// <summary>What quantizers have learned is kept with the unit that they belong to.</summary>
    [Fact]
    public void Quantize_ResumedWhereQuantizersLearn_SameOutputsAsUninterrupted()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var whole = Micro.Vit();
        using var again = Micro.Vit();
        var images = Micro.Images();
        static void Learn(QuantizationOptions options) => options.Reconstruction.QuantizerLearningRate = 0.02;
        var run = new QuantizationRun { CheckpointDirectory = folder.Path };

        using var expected = Micro.Quantizer(Learn).Run(whole, images, run);
        using var resumed = Micro.Quantizer(Learn).Run(again, images, run);

        Assert.All(resumed.Report!.Units.Where(static result => result.Iterations > 0), static result => Assert.Equal(StopReason.Resumed, result.StopReason));
        TensorAssert.Identical(expected.Predict(images), resumed.Predict(images));
        foreach (var binding in expected.Attachment.Bindings)
        {
            var (own, other) = (binding.Quantizer.ExportParameters(), resumed.Attachment.Find(binding.Site.Id)!.Quantizer.ExportParameters());
            Assert.All(own.Values, entry => Assert.Equal(entry.Value, other.Required(entry.Key)));
        }
    }

    [Fact]
    public void Quantize_FinishedRunAgain_TakesEveryUnitOver()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var run = new QuantizationRun { CheckpointDirectory = folder["new/folder"] };
        using var first = Micro.Vit();
        using var second = Micro.Vit();
        using var expected = Micro.Quantizer(static options => options.OutputTuning.Steps = 4).Run(first, Micro.Images(), run);

        // Another budget changes no result.
        using var again = Micro.Quantizer(static options => (options.OutputTuning.Steps, options.Reconstruction.CacheBudgetBytes) = (4, 1L << 30)).Run(second, Micro.Images(), run);

        Micro.AssertSame(Micro.Copy(first), Micro.Copy(second));
        Assert.Equal(StageNames.OutputTuning, again.Report!.Units[^1].Stage);
        Assert.All(again.Report.Units, static unit => Assert.True(unit.StopReason is StopReason.Resumed or StopReason.NothingToDo, unit.ToString()));
    }

    [Theory]
    [InlineData("options (Seed is 0 there and 1 here)")]
    [InlineData("images")]
    [InlineData("weights")]
    [InlineData("recipe")]
    [InlineData("loss")]
    [InlineData("attentions")]
    [InlineData("options (Seed is 0 there and 1 here), weights, images")]
    public void Quantize_CheckpointOfAnotherRun_SaysWhatDiffers(string what)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var run = new QuantizationRun { CheckpointDirectory = folder.Path };
        finished.CopyStage1To(folder);
        using var model = Micro.Vit(what.Contains("weights", StringComparison.Ordinal) ? 2 : 1);
        var images = Micro.Images(what.Contains("images", StringComparison.Ordinal) ? 5 : 100);
        var quantizer = Micro.Quantizer(
            what == "recipe" ? [.. FinishedRuns.Stage1, StageNames.WeightCalibration] : FinishedRuns.Stage1,
            [],
            options => options.Seed = what.Contains("options", StringComparison.Ordinal) ? 1 : 0,
            what == "loss" ? new AbsoluteLoss() : null);

        if (what == "attentions")
        {
            run = run with { Trace = new TraceOptions { Attentions = [model.Blocks[0].Attn.Declare("blocks.0.attn")] } };
        }

        var error = Assert.Throws<QuantizationException>(() => quantizer.Run(model, images, run));

        Assert.Contains($"differs in {what}.", error.Message, StringComparison.Ordinal);
        Assert.Empty(Hooks.Of(model));
    }

    /// <summary>What a recipe says of steps is part of what a result depends on.</summary>
    [Theory]
    [InlineData("rate")]
    [InlineData("drop")]
    [InlineData("held out")]
    [InlineData("views")]
    [InlineData("options of a stage")]
    public void Quantize_CheckpointOfARecipeWithOtherSteps_SaysSo(string what)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var run = new QuantizationRun { CheckpointDirectory = folder.Path };
        var recipe = QuantizationRecipes.All.Single(static known => known.Name == RecipeNames.ISVit) with { Stages = [BuiltIn.Stage(StageNames.ActivationCalibration), BuiltIn.Stage(StageNames.ActivationReconstruction)] };
        Quantize(recipe).Dispose();

        var error = Assert.Throws<QuantizationException>(() => Quantize(what switch
        {
            "rate" => recipe with { LearningRate = 1e-4 },
            "drop" => recipe with { DropProbability = 0.25 },
            "held out" => recipe with { HeldOutShare = 0.25 },
            "views" => recipe with { FreshViews = false },
            _ => recipe with { Stages = [recipe.Stages[0], new ReconstructionStage(StageNames.ActivationReconstruction, UnitInput.Full) { Options = new() { Iterations = 3, BatchSize = 8 } }] },
        }));

        Assert.Contains("differs in recipe.", error.Message, StringComparison.Ordinal);

        QuantizedModel Quantize(QuantizationRecipe own) => new ModelQuantizer(
            new QuantizationOptions { Reconstruction = new() { Iterations = 2, BatchSize = 8 } }, BuiltIn.CreateRegistry(), [own], [], new SquaredErrorLoss()).Run(Micro.Vit(), Micro.Images(), run);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(200)]
    [InlineData(-1)]
    public void Quantize_TruncatedUnitFile_NamesItAndWhatToDo(int length)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var run = new QuantizationRun { CheckpointDirectory = folder.Path };
        finished.CopyTo(folder);
        var file = Directory.GetFiles(folder.Path, "stage*blocks.1*").Order(StringComparer.Ordinal).First();
        var content = File.ReadAllBytes(file);
        File.WriteAllBytes(file, content[..(length < 0 ? content.Length + length : length)]);
        using var model = Micro.Vit();
        var parameters = Micro.Copy(model);

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, Micro.Images(), run));

        Assert.Contains(Path.GetFileName(file), error.Message, StringComparison.Ordinal);
        Assert.Contains("Delete it", error.Message, StringComparison.Ordinal);
        Micro.AssertSame(parameters, Micro.Copy(model));
        if (length == 0)
        {
            // What the message says helps.
            File.Delete(file);
            using var quantized = Micro.Quantizer().Run(model, Micro.Images(), run);
            Assert.Equal(1, quantized.Report!.Units.Count(static unit => unit.StopReason == StopReason.Completed));
        }
    }

    /// <summary>A bit of the state of a unit or of its losses makes another model or report, and nothing else would notice.</summary>
    [Theory]
    [InlineData(0.5)]
    [InlineData(0.999)]
    public void Quantize_UnitFileWithAnotherBit_NamesItAndWhatToDo(double place)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        finished.CopyTo(folder);
        var file = Directory.GetFiles(folder.Path, "stage*blocks.1*").Order(StringComparer.Ordinal).First();
        var content = File.ReadAllBytes(file);
        content[(int)(content.Length * place)] ^= 4;
        File.WriteAllBytes(file, content);
        using var model = Micro.Vit();

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, Micro.Images(), new QuantizationRun { CheckpointDirectory = folder.Path }));

        Assert.Contains(Path.GetFileName(file), error.Message, StringComparison.Ordinal);
        Assert.Contains("the file is damaged", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantize_FolderWhoseOptionsAreNoNumbers_SaysThatTheyDiffer()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        finished.CopyTo(folder);
        File.WriteAllText(folder["run.json"], File.ReadAllText(folder["run.json"]).Replace("\\u0022LearningRate\\u0022:0.001", "\\u0022LearningRate\\u0022:1e400", StringComparison.Ordinal));
        Assert.Contains("1e400", File.ReadAllText(folder["run.json"]), StringComparison.Ordinal);
        using var model = Micro.Vit();

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, Micro.Images(), new QuantizationRun { CheckpointDirectory = folder.Path }));

        Assert.Contains("differs in options", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantize_FolderOfARunThatIsGoingOn_RefusesUntilItEnds()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var other = Micro.Vit();
        var run = new QuantizationRun { CheckpointDirectory = folder.Path };
        QuantizationException? refused = null;
        var progress = new RecordingProgress(report => refused ??= report.Stage == StageNames.WeightReconstruction ? Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(other, Micro.Images(), run)) : null);

        Micro.Quantizer().Run(model, Micro.Images(), new QuantizationRun { CheckpointDirectory = folder.Path, Progress = progress }).Dispose();

        Assert.StartsWith($"'{folder.Path}' is the checkpoint of a run that is going on", refused!.Message, StringComparison.Ordinal);
        using var afterwards = Micro.Quantizer().Run(other, Micro.Images(), run);
        Micro.AssertSame(Micro.Copy(model), Micro.Copy(other));
    }

    [Fact]
    public void Quantize_FolderOfAnotherVersion_SaysSo()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var run = new QuantizationRun { CheckpointDirectory = folder.Path };
        finished.CopyTo(folder);
        var file = JsonNode.Parse(File.ReadAllText(folder["run.json"]))!;
        file["versions"] = "0.0.1 " + file["versions"]!.GetValue<string>().Split(' ')[1];
        File.WriteAllText(folder["run.json"], file.ToJsonString());
        using var model = Micro.Vit();

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, Micro.Images(), run));

        Assert.Contains("differs in versions (0.0.1 ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantize_LossWithOtherParameters_SaysSo()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var run = new QuantizationRun { CheckpointDirectory = folder.Path };
        QuantizedModel Quantize(double power) => Micro.Quantizer([StageNames.ActivationCalibration, StageNames.ActivationReconstruction], [], loss: new PowerLoss(power)).Run(Micro.Vit(), Micro.Images(), run);
        Quantize(1.5).Dispose();
        Quantize(1.5).Dispose();

        var error = Assert.Throws<QuantizationException>(() => Quantize(2));

        Assert.Contains("differs in loss.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantize_FolderWithAForeignRunFile_SaysSo()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["run.json"], "{ \"options\":");
        using var model = Micro.Vit();

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, Micro.Images(), new QuantizationRun { CheckpointDirectory = folder.Path }));

        Assert.Contains("run.json' is no checkpoint", error.Message, StringComparison.Ordinal);
    }

    private sealed record PowerLoss(double Power) : IReconstructionLoss
    {
        public Tensor Compute(Tensor output, Tensor target) => (output - target).abs().pow(Power).mean();
    }

    private sealed class AbsoluteLoss : IReconstructionLoss
    {
        public Tensor Compute(Tensor output, Tensor target) => (output - target).abs().mean();
    }

    /// <summary>Runs that are over, whose folders are copied.</summary>
    public sealed class FinishedRuns : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly TemporaryFolder _stage1 = new();

        public FinishedRuns()
        {
            Model = Micro.Vit();
            Quantized = Micro.Quantizer().Run(Model, Micro.Images(), new QuantizationRun { CheckpointDirectory = _folder.Path });
            using var model = Micro.Vit();
            Micro.Quantizer(Stage1, []).Run(model, Micro.Images(), new QuantizationRun { CheckpointDirectory = _stage1.Path }).Dispose();
        }

        /// <summary>The stages of the shorter run.</summary>
        public static IReadOnlyList<string> Stage1 { get; } = [StageNames.ActivationCalibration, StageNames.ActivationReconstruction];

        internal VisionTransformer Model { get; }

        internal QuantizedModel Quantized { get; }

        internal void CopyTo(TemporaryFolder folder) => Copy(_folder, folder);

        internal void CopyStage1To(TemporaryFolder folder) => Copy(_stage1, folder);

        public void Dispose()
        {
            Quantized.Dispose();
            Model.Dispose();
            _folder.Dispose();
            _stage1.Dispose();
        }

        private static void Copy(TemporaryFolder from, TemporaryFolder to)
        {
            foreach (var file in Directory.GetFiles(from.Path))
            {
                File.Copy(file, to[Path.GetFileName(file)]);
            }
        }
    }
}
