using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Optimization;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reconstruction;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Reconstruction;

/// <summary>x</summary>
public sealed class ReconstructionStageTests
{
    [Theory]
    [InlineData(RecipeNames.ISVit, 3)]
    [InlineData(RecipeNames.SosOnly, 4)]
    [InlineData(RecipeNames.SulqOnly, 2)]
    public void Run_EveryUnitOfEveryStage_EndsNoWorseThanItBegan(string recipe, int bits)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        using var quantized = Micro.Quantizer(options =>
        {
            options.Recipe = recipe;
            options.WeightBits = options.ActivationBits = bits;
            options.Reconstruction.Iterations = 12;
        }).Run(model, Micro.Images());

        var units = quantized.Report!.Units;
        Assert.Equal(recipe == RecipeNames.SulqOnly ? 4 : 8, units.Count);
        UnitAssert.SomeImproved(units);
        Assert.Contains(units, static unit => unit.LossAfter < 0.95 * unit.LossBefore);
    }

    [Theory]
    [InlineData(10.0, false)]
    [InlineData(1e30, true)]
    public void Run_AbsurdLearningRate_KeepsTheStateBefore(double rate, bool diverges)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var before = new Dictionary<string, Tensor>();
        var after = new Dictionary<string, Tensor>();

        using var quantized = Micro.Quantizer(
            [StageNames.ActivationCalibration, "before", StageNames.ActivationReconstruction, "after"],
            [new ProbeStage("before", context => before = Micro.Copy(context.Graph.Model)), new ProbeStage("after", context => after = Micro.Copy(context.Graph.Model))],
            options => options.Reconstruction.LearningRate = rate).Run(model, Micro.Images());

        var blocks = quantized.Report!.Units.Where(static unit => unit.Unit.StartsWith("blocks", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, blocks.Count);
        Assert.All(blocks, static unit => Assert.Equal(unit.LossBefore, unit.LossAfter));
        Assert.All(blocks, unit => Assert.Equal(diverges ? StopReason.Diverged : StopReason.Completed, unit.StopReason));
        Micro.AssertSame(before.Where(static entry => entry.Key.StartsWith("blocks", StringComparison.Ordinal)).ToDictionary(), after.Where(static entry => entry.Key.StartsWith("blocks", StringComparison.Ordinal)).ToDictionary());
    }

    /// <summary>Adam's first step moves each weight by the rate: the released code's, or one for few steps.</summary>
    [Theory]
    [InlineData(RecipeNames.Released, 4e-5)]
    [InlineData(RecipeNames.ISVit, 1e-3)]
    public void Run_NoLearningRate_TakesTheRecipes(string recipe, double rate)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var (before, after) = (new Dictionary<string, Tensor>(), new Dictionary<string, Tensor>());

        using var quantized = Micro.Quantizer(
            [StageNames.ActivationCalibration, "before", StageNames.ActivationReconstruction, "after"],
            [new ProbeStage("before", context => before = Micro.Copy(context.Graph.Model)), new ProbeStage("after", context => after = Micro.Copy(context.Graph.Model))],
            options => (options.Recipe, options.Reconstruction.Iterations, options.Reconstruction.LearningRate) = (recipe, 1, null)).Run(model, Micro.Images());

        Assert.Equal(rate, before.Max(entry => (after[entry.Key] - entry.Value).abs().max().item<float>()), rate * 0.01);
    }

    /// <summary>Weights hardly move here, so that what the loss falls by is the doing of quantizers whose ranges began too wide.</summary>
    [Fact]
    public void Run_QuantizersLearn_LossesFallAndParametersMove()
    {
        using var scope = NewDisposeScope();
        (double Loss, IReadOnlyList<double> Scale) Of(double rate)
        {
            using var model = Micro.Vit();
            using var quantized = Micro.Quantizer([StageNames.ActivationCalibration, StageNames.ActivationReconstruction], [], options =>
            {
                options.ActivationBits = 3;
                options.Reconstruction.Iterations = 100;
                options.Reconstruction.BatchSize = 40;
                options.Reconstruction.LearningRate = 1e-12;
                options.Reconstruction.QuantizerLearningRate = rate;
                options.Overrides.Add(new SiteOverride { Pattern = "blocks.**", Operand = SiteOperand.Input, Scheme = SchemeNames.UniformMinMax });
            }).Run(model, Micro.Images());
            return (
                quantized.Report!.Units.Where(static result => result.Unit.StartsWith("blocks", StringComparison.Ordinal)).Average(static result => result.LossAfter / result.LossBefore),
                quantized.Attachment.Find("blocks.0.mlp.fc2:input")!.Quantizer.ExportParameters().Required("scale"));
        }

        var (frozen, learning) = (Of(0), Of(0.01));

        Assert.InRange(frozen.Loss, 0.999, 1);
        Assert.InRange(learning.Loss, 0, 0.97);
        Assert.True(learning.Scale[0] < frozen.Scale[0]);
    }

    // The loss that is reported is the one that the unit has: measured here by hand, through the unit's own call.
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.25)]
    public void Run_LossAfter_IsTheUnitsLossOverTheHeldOutImages(double share)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using var original = Micro.Vit();
        var images = Micro.Images();
        var (inputs, targets) = (default(Tensor), default(Tensor));
        var hook = original.Blocks[1].register_forward_hook((_, x, y) =>
        {
            (inputs, targets) = (x.clone().DetachFromDisposeScope(), y.clone().DetachFromDisposeScope());
            return y;
        });
        Micro.Call(original, images);
        hook.remove();

        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration, StageNames.ActivationReconstruction], [], options => options.Reconstruction.HeldOutShare = share).Run(model, images);

        using var noGrad = no_grad();
        var heldOut = tensor(Array.ConvertAll(CalibrationSplit.Of((int)images.shape[0], share, 0).HeldOut, static image => (long)image));
        var loss = (model.Blocks[1].call(inputs!) - targets!).index_select(0, heldOut).pow(2).sum(1).mean().item<float>();
        var reported = quantized.Report!.Units.Single(static unit => unit.Unit == "blocks.1").LossAfter;
        Assert.InRange(reported, loss * (1 - 1e-4), loss * (1 + 1e-4));
    }

    [Theory]
    [InlineData(RecipeNames.ISVit)]
    [InlineData(RecipeNames.SulqOnly)]
    public void Run_UnitByUnit_ChangesTheUnitsWeightsAndBiasesOnly(string recipe)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        (string Stage, string Unit, Dictionary<string, Tensor> Parameters)? last = null;
        var changed = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        void Compare(string stage, string? unit)
        {
            // Stage 2 changes what it must between two reconstructions.
            var now = Micro.Copy(model);
            if (last is { } previous && previous.Stage == stage)
            {
                changed[$"{stage} {previous.Unit}"] = [.. now.Where(entry => !entry.Value.Equals(previous.Parameters[entry.Key])).Select(static entry => entry.Key)];
            }

            last = unit is null ? null : (stage, unit, now);
        }

        var progress = new RecordingProgress(report =>
        {
            if (report.Unit is not null && report.Iteration == 0)
            {
                Compare(report.Stage, report.Unit);
            }
        });
        string[] stages = [.. Micro.StagesOf(recipe).SelectMany(static stage => new[] { stage, $"after {stage}" })];
        var quantizers = new List<string>();
        var probes = stages.Where(static stage => stage.StartsWith("after ", StringComparison.Ordinal)).Select(stage => new ProbeStage(stage, context =>
        {
            Compare(stage[6..], null);
            if (stage.EndsWith("calibration", StringComparison.Ordinal) || stage.EndsWith("econstruction", StringComparison.Ordinal) || stage[6..] is StageNames.RidgeCorrection or StageNames.Gptq)
            {
                quantizers.Add($"{stage}: {Parameters(context.Attachment)}");
            }
        })).ToList();

        using var quantized = Micro.Quantizer(stages, probes, options =>
        {
            // Compensated units are so near their best that a few large steps, or steps of a few images, lead away from it; with 2 bits there is more to gain.
            options.Recipe = recipe;
            (options.WeightBits, options.Reconstruction.LearningRate) = (2, 1e-4);
            options.Reconstruction.BatchSize = Micro.ImageCount;
        }).Run(model, Micro.Images(), new QuantizationRun { Progress = progress });

        Assert.Equal(recipe == RecipeNames.ISVit ? 8 : 4, changed.Count);
        foreach (var (unit, names) in changed)
        {
            var path = unit.Split(' ')[1];
            Assert.All(names, name => Assert.StartsWith(path + '.', name, StringComparison.Ordinal));
            Assert.All(names, static name => Assert.DoesNotContain("norm", name, StringComparison.Ordinal));
        }

        var block = changed[$"{(recipe == RecipeNames.ISVit ? StageNames.WeightReconstruction : StageNames.DirectReconstruction)} blocks.0"];
        Assert.Equal(
            from layer in new[] { "attn.proj", "attn.qkv", "mlp.fc1", "mlp.fc2" } from own in new[] { "bias", "weight" } select $"blocks.0.{layer}.{own}",
            block.Order(StringComparer.Ordinal));
        Assert.Equal(recipe == RecipeNames.ISVit ? 6 : 5, quantizers.Count);
        Assert.Equal(quantizers[^2].Split(": ", 2)[1], quantizers[^1].Split(": ", 2)[1]);
    }

    [Fact]
    public void Run_NoIterations_ChangesNoWeight()
    {
        using var scope = NewDisposeScope();
        using var reconstructed = Micro.Vit();
        using var calibrated = Micro.Vit();
        var images = Micro.Images();

        using var first = Micro.Quantizer(static options => options.Reconstruction.Iterations = 0).Run(reconstructed, images);
        using var second = Micro.Quantizer(
            [.. first.Report!.Stages.Select(static stage => stage.Name).Where(static name => name is not (StageNames.ActivationReconstruction or StageNames.WeightReconstruction))], []).Run(calibrated, images);

        Assert.All(first.Report.Units, static unit => Assert.Equal((0, unit.LossBefore), (unit.Iterations, unit.LossAfter)));
        Micro.AssertSame(Micro.Copy(calibrated), Micro.Copy(reconstructed));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(39)]
    [InlineData(1)]
    public void Run_AnyBatchSize_ReconstructsEveryUnit(int batchSize)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        using var quantized = Micro.Quantizer(options => options.Reconstruction.BatchSize = batchSize).Run(model, Micro.Images());

        Assert.All(quantized.Report!.Units, static unit => Assert.True(unit.StopReason == StopReason.NothingToDo || unit.Iterations == 6, unit.ToString()));
        UnitAssert.SomeImproved(quantized.Report!.Units);
    }

    // Streams halt batch by batch; how the images are split must not matter to what a unit sees.
    [Fact]
    public void Run_LastBatchSmaller_SameLossesAsOneBatch()
    {
        using var scope = NewDisposeScope();
        UnitResult[] Losses(int batchSize)
        {
            using var model = Micro.Vit();
            using var quantized = Micro.Quantizer(options =>
            {
                // Compensated codes depend on sums whose order batches change.
                options.Recipe = RecipeNames.Released;
                options.Reconstruction.BatchSize = batchSize;
                options.Reconstruction.Iterations = 0;
            }).Run(model, Micro.Images());
            return [.. quantized.Report!.Units];
        }

        var (split, whole) = (Losses(33), Losses(40));

        Assert.Equal(8, split.Length);
        for (var i = 0; i < split.Length; i++)
        {
            Assert.InRange(split[i].LossBefore, whole[i].LossBefore * 0.999, whole[i].LossBefore * 1.001);
        }
    }

    [Fact]
    public void Run_UnitWithoutQuantizedSite_NothingToDo()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        using var quantized = Micro.Quantizer().Run(model, Micro.Images());

        // The image is not quantized, so in stage 1 the patch embedding is as it was.
        var patches = quantized.Report!.Units.Where(static unit => unit.Unit == "patch_embed").ToList();
        Assert.Equal([StopReason.NothingToDo, StopReason.Completed], patches.Select(static unit => unit.StopReason));
        Assert.Equal(0, patches[0].Iterations);
    }

    [Fact]
    public void Run_ModelInTrainingMode_NoDropout()
    {
        using var scope = NewDisposeScope();
        using var plain = Micro.Vit();
        using var dropping = Micro.Vit(options: Micro.Options with { DropPathRate = 0.9, DropoutRate = 0.5 });
        dropping.train();
        var images = Micro.Images();

        using var expected = Micro.Quantizer().Run(plain, images);
        using var quantized = Micro.Quantizer().Run(dropping, images);

        Micro.AssertSame(Micro.Copy(plain), Micro.Copy(dropping));
        TensorAssert.Identical(expected.Predict(images), quantized.Predict(images));
    }

    [Fact]
    public void Run_ParametersThatWereFrozen_AreFrozenAgain()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        model.Blocks[0].Attn.Qkv.weight.requires_grad = false;
        model.Norm.bias!.requires_grad = false;

        using var quantized = Micro.Quantizer().Run(model, Micro.Images());

        Assert.Equal(["blocks.0.attn.qkv.weight", "norm.bias"], model.named_parameters().Where(static entry => !entry.parameter.requires_grad).Select(static entry => entry.name));
        Assert.All(model.parameters(), static parameter => Assert.Null(parameter.grad));
    }

    // Each unit runs as often in a network of six blocks as in one of two: a stage streams, it does not start again for every unit.
    [Fact]
    public void Run_DeeperNetwork_EachBlockRunsAsOften()
    {
        using var scope = NewDisposeScope();
        int[] Calls(int depth)
        {
            using var model = Micro.Vit(options: Micro.Options with { Depth = depth });
            var calls = new int[depth];
            for (var i = 0; i < depth; i++)
            {
                var block = i;
                model.Blocks[i].register_forward_hook((_, _, y) =>
                {
                    calls[block]++;
                    return y;
                });
            }

            using var quantized = Micro.Quantizer(static options =>
            {
                options.Reconstruction.Iterations = 2;
                options.Reconstruction.Evaluations = 1;
            }).Run(model, Micro.Images());
            return calls;
        }

        var (shallow, deep) = (Calls(2), Calls(6));

        // Two batches. Before anything runs, one image: the way back from the outputs, and two streams to the units, each unit alone and its way back, for stages 1 and 3. Tracing: 4, roles tried out included; head rotation: the check before and after; output sensitivity: 5 times eight images; where the images lie: 2; value normalization: the check before and after, one look; calibration: 1, and 1 for products; ridge correction: one stream, one look at the inputs; stage 1: one stream, two looks at the loss, 2 steps; stage 2: the check before and after;
        // gptq: one stream, one look at the inputs; bias correction: two streams, the float means, then the means of each of four layers; stage 3: two streams, two looks, 2 steps. A stream ends
        // behind the last unit's input, so each block runs in full. Statistics of the finished model's activations: each of 40 images by itself.
        const int Expected = 1 + (2 * (2 + 1 + 1)) + 4 + 2 + 5 + 2 + (2 + 2) + (1 + 1) + (2 + 2) + (2 + (2 * 2) + 2) + 2 + (2 + 2) + (2 + 2) + ((2 * 2) + (2 * 2) + 2) + 40;
        Assert.All(shallow, static count => Assert.Equal(Expected, count));
        Assert.All(deep, static count => Assert.Equal(Expected, count));
    }

    [Fact]
    public void Run_LossOfTheCallers_IsWhatIsMinimised()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var loss = new MeanLoss();

        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration, StageNames.ActivationReconstruction], [], loss: loss).Run(model, Micro.Images());

        // Two blocks and the head; two batches looked at three times, six steps.
        Assert.Equal(3 * ((2 * 3) + 6), loss.Calls);
        Assert.All(quantized.Report!.Units, static unit => Assert.InRange(unit.LossAfter, 0, unit.LossBefore));
    }

    [Fact]
    public void Run_ModelThatIsOneLayer_IsAUnitOfItsOwnAndCanBeSaved()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = nn.Linear(6, 4);
        using var fresh = nn.Linear(6, 4);
        Micro.Enliven(model, 1);
        var images = Seeded.Normal(1, 40, 6);

        using var quantized = Micro.Quantizer().Run(model, images);

        Assert.Equal([("", StopReason.NothingToDo), ("", StopReason.Completed)], quantized.Report!.Units.Select(static unit => (unit.Unit, unit.StopReason)));
        quantized.Save(folder["layer.safetensors"]);
        using var loaded = QuantizedModel.Load(folder["layer.safetensors"], fresh);
        TensorAssert.Identical(quantized.Predict(images), loaded.Predict(images));
    }

    [Fact]
    public void Constructor_FactorBelowOne_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReconstructionStage("mine", UnitInput.Full, 0));

    [Fact]
    public void IterationsFor_FactorBeyondInt_StaysAtTheLargest() => Assert.Equal(
        int.MaxValue,
        new ReconstructionStage("mine", UnitInput.Full, 2).IterationsFor(new QuantizationOptions { Reconstruction = new() { Iterations = int.MaxValue } }));

    private static string Parameters(GraphAttachment attachment) => string.Join('\n', attachment.Bindings
        .Where(static binding => binding.Quantizer.IsCalibrated)
        .Select(static binding => $"{binding.Site.Id} {string.Join(' ', binding.Quantizer.ExportParameters().Values.SelectMany(static entry => entry.Value))}"));

    /// <summary>A loss that asks for no importance is given outputs as they are: scaled by its root, as squares may be, absolute errors would be weighed by it.</summary>
    [Fact]
    public void Run_LossWithoutImportance_IsGivenTheFloatModelsOutputs()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var logits = Micro.Call(model, images);
        var loss = new RecordingLoss(logits);

        using var quantized = Micro.Quantizer([StageNames.OutputSensitivity, StageNames.ActivationCalibration, StageNames.ActivationReconstruction], [], loss: loss).Run(model, images);

        Assert.True(loss.Rows > Micro.ImageCount);
        Assert.InRange(loss.Farthest, 0, 1e-4);
    }

    /// <summary>Takes down how far what it is given as logits is from those of the float model.</summary>
    private sealed class RecordingLoss(Tensor logits) : IReconstructionLoss
    {
        public long Rows { get; private set; }

        public double Farthest { get; private set; }

        public Tensor Compute(Tensor output, Tensor target)
        {
            if (target.dim() == 2 && target.shape[1] == logits.shape[1])
            {
                using var inner = NewDisposeScope();
                Rows += target.shape[0];
                Farthest = Math.Max(Farthest, (target.unsqueeze(1) - logits).abs().amax([2L]).amin([1L]).max().item<float>());
            }

            return (output - target).abs().mean();
        }
    }

    private sealed class MeanLoss : IReconstructionLoss
    {
        public int Calls { get; private set; }

        public Tensor Compute(Tensor output, Tensor target)
        {
            Calls++;
            return (output - target).abs().mean();
        }
    }
}
