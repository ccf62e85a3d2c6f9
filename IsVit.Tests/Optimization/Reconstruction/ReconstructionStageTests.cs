using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reconstruction;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Reconstruction;

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

    /// <summary>What a step reads is, number by number, the rounded one or the one that was not rounded, as often as was asked for; what the losses are measured with is rounded throughout.</summary>
    [Theory]
    [InlineData(RecipeNames.ISVit, null, 0.5)]
    [InlineData(RecipeNames.ISVit, 0.2, 0.2)]
    [InlineData(RecipeNames.Released, null, 0.0)]
    public void Run_Steps_LeaveAShareOfActivationsUnrounded(string recipe, double? probability, double expected)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var (given, shares) = (default(Tensor), new List<(bool IsStep, double Share)>());
        Linear? fc2 = null;
        var before = new ProbeStage("before", context =>
        {
            // The first hook sees what the site's own hook is given, the second what it passes on.
            var site = context.Attachment.Find("blocks.1.mlp.fc2:input")!;
            site.Reader = x => given = x.detach().clone().DetachFromDisposeScope();
            fc2 = (Linear)context.Graph.Modules["blocks.1.mlp.fc2"];
            fc2.register_forward_pre_hook((_, x) =>
            {
                if (given is null)
                {
                    // The float model's forward.
                    return x;
                }

                var rounded = site.Quantizer.FakeQuantize(given!);
                var changes = rounded.ne(given!);
                Assert.True(x.eq(rounded).logical_or(x.eq(given!)).all().item<bool>());
                shares.Add((is_grad_enabled(), 1.0 - (x.ne(given!).sum().item<long>() / (double)changes.sum().item<long>())));
                given = null;
                return x;
            });
        });

        var after = new ProbeStage("after", static context => context.Attachment.Find("blocks.1.mlp.fc2:input")!.Reader = null);
        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration, "before", StageNames.ActivationReconstruction, "after"], [before, after], options =>
        {
            options.Recipe = recipe;
            options.Reconstruction.DropProbability = probability;
        }).Run(model, Micro.Images());

        var steps = shares.Where(static share => share.IsStep).Select(static share => share.Share).ToList();
        Assert.True(steps.Count >= 6);
        Assert.Equal(expected, steps.Average(), expected == 0 ? 0 : 0.02);
        Assert.Equal(0, shares.Where(static share => !share.IsStep).Max(static share => share.Share));
        Assert.Null(quantized.Attachment.Find("blocks.1.mlp.fc2:input")!.Blend);
    }

    /// <summary>In stage 3 a step's inputs are, number by number, the quantized model's or the float model's.</summary>
    [Fact]
    public void Run_StepsOfStageThree_MixInputsOfBothModels()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        using var original = Micro.Vit();
        var (steps, looks, inFloat) = (new List<Tensor>(), new List<Tensor>(), zeros(0));
        original.Blocks[1].register_forward_pre_hook((_, x) =>
        {
            inFloat = x.clone().DetachFromDisposeScope();
            return x;
        });
        Micro.Call(original, images);
        var before = new ProbeStage("before", context => model.Blocks[1].register_forward_pre_hook((_, x) =>
        {
            (is_grad_enabled() ? steps : looks).Add(x.detach().clone().DetachFromDisposeScope());
            return x;
        }));

        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration, StageNames.WeightCalibration, "before", StageNames.WeightReconstruction], [before], static options =>
        {
            (options.WeightBits, options.Reconstruction.LearningRate, options.Reconstruction.Iterations, options.Reconstruction.DropProbability) = (2, 1e-12, 4, 0.5);
            options.Reconstruction.BatchSize = 64;
        }).Run(model, images);

        // Weights stay what they are, so that each image has one input in either model.
        using var noGrad = no_grad();
        static Tensor Distances(Tensor x, Tensor y) => (x.flatten(1).unsqueeze(1) - y.flatten(1)).square().sum(-1);
        var seen = cat(looks);
        var isFloat = Distances(seen, inFloat).amin([1L]).lt(1e-6);
        Tensor Nearest(Tensor among, Tensor x) => among.index_select(0, Distances(x, among).argmin(1));
        Assert.Equal(4, steps.Count);
        foreach (var step in steps)
        {
            var (ofQuantized, ofFloat) = (Nearest(seen[isFloat.logical_not()], step), Nearest(seen[isFloat], step));
            Assert.True(step.eq(ofQuantized).logical_or(step.eq(ofFloat)).all().item<bool>());
            Assert.InRange(step.eq(ofFloat).to(float64).mean().item<double>(), 0.45, 0.55);
        }
    }

    /// <summary>Steps are taken on the images that are not held out and on new views of them; what is held out is looked at as it is, and no view shows any of it.</summary>
    [Theory]
    [InlineData(RecipeNames.ISVit, null, 8)]
    [InlineData(RecipeNames.ISVit, 3, 3)]
    [InlineData(RecipeNames.Released, null, 1)]
    public void Run_Views_AreOfImagesThatStepsAreTakenOn(string recipe, int? asked, int views)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        // Image i holds no number but i + 1, so that a view tells which images it was made of.
        const int Count = 24;
        const int HeldOut = 3;
        var images = arange(1, Count + 1, float32).view(Count, 1, 1, 1).expand(Count, 3, 32, 32).contiguous();
        var (steps, looks) = (new List<Tensor>(), new List<Tensor>());
        var before = new ProbeStage("before", context => model.PatchEmbed.register_forward_pre_hook((_, x) =>
        {
            (is_grad_enabled() ? steps : looks).Add(x.detach().clone().DetachFromDisposeScope());
            return x;
        }));

        using var quantized = Micro.Quantizer([StageNames.WeightCalibration, "before", StageNames.WeightReconstruction], [before], options =>
        {
            options.Recipe = recipe;
            (options.Reconstruction.HeldOutShare, options.Reconstruction.Views) = (0.125, asked);
            (options.Reconstruction.Iterations, options.Reconstruction.BatchSize) = (20, 64);
        }).Run(model, images);

        var stepped = cat(steps);
        long[] Numbers(Tensor x) => [.. x.flatten(1).data<float>().ToArray().Select(static number => (long)Math.Round(number)).Distinct().Order()];
        var judged = Numbers(looks.First(static x => x.shape[0] == HeldOut));
        Assert.Equal(HeldOut, judged.Length);
        Assert.Equal(Enumerable.Range(1, Count).Select(static number => (long)number).Except(judged), Numbers(stepped));
        Assert.Equal(steps.Count * Math.Min(64, (Count - HeldOut) * views), stepped.shape[0]);
        var parts = Enumerable.Range(0, (int)stepped.shape[0]).Select(i => Numbers(stepped.narrow(0, i, 1)).Length).ToList();
        Assert.Equal(views == 1 ? [1] : [1, 2], parts.Distinct().Order());
        Assert.Equal(1.0 / views, parts.Count(static count => count == 1) / (double)parts.Count, 0.06);

        // Two streams of everything, one in float.
        var streamed = looks.Where(static x => x.shape[0] > HeldOut).Sum(static x => x.shape[0]);
        Assert.Equal(2 * (Count + ((views - 1) * (Count - HeldOut))), streamed);
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

    private static (Tensor Output, QuantizationReport Report) Outputs(Tensor images, Action<QuantizationOptions> configure)
    {
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(configure).Run(model, images);
        return (Micro.Call(model, images), quantized.Report!);
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

        // Two batches. Before anything runs, one image: the way back from the outputs, and the way to the units and each unit's way back, for stages 1 and 3. Tracing: 4, roles tried out included; head rotation: the check before and after; output sensitivity: 5 times eight images; where the images lie: 2; value normalization: the check before and after, one look; calibration: 1, and 1 for products; ridge correction: one stream, one look at the inputs; stage 1: one stream, two looks at the loss, 2 steps; stage 2: the check before and after;
        // gptq: one stream, one look at the inputs; bias correction: two streams, the float means, then the means of each of four layers; stage 3: two streams, two looks, 2 steps. A stream ends
        // behind the last unit's input, so each block runs in full. Statistics of the finished model's activations: each of 40 images by itself.
        const int Expected = 1 + (2 * (1 + 1)) + 4 + 2 + 5 + 2 + (2 + 2) + (1 + 1) + (2 + 2) + (2 + (2 * 2) + 2) + 2 + (2 + 2) + (2 + 2) + ((2 * 2) + (2 * 2) + 2) + 40;
        Assert.All(shallow, static count => Assert.Equal(Expected, count));
        Assert.All(deep, static count => Assert.Equal(Expected, count));
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
