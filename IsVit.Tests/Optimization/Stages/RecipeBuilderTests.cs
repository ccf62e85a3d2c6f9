using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.OutputTuning;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reconstruction;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Stages;

/// <summary>A recipe is made of stage objects with their options, and a stage can be run by itself, all by the public interface.</summary>
public sealed class RecipeBuilderTests
{
    [Fact]
    public void Create_SchemesAndStages_AreInTheRecipe()
    {
        var stage = new ReconstructionStage("again", UnitInput.Quantized);

        var recipe = QuantizationRecipe.Build("own")
            .Weights(SchemeNames.UniformSymmetricMse)
            .Activations(SchemeNames.FreeLevels, wideScheme: SchemeNames.UniformMse)
            .Sites(SiteRole.PostSoftmax, SchemeNames.Log2)
            .Then(BuiltIn.Stage(StageNames.ActivationCalibration), BuiltIn.Stage(StageNames.WeightCalibration))
            .Then(stage)
            .With(static made => made with { DropProbability = 0.25 })
            .Create();

        Assert.Equal("own", recipe.Name);
        Assert.Equal(["activation-calibration", "weight-calibration", "again"], recipe.Stages.Select(static known => known.Name));
        Assert.Same(stage, recipe.Stages[2]);
        Assert.Equal(0.25, recipe.DropProbability);
        Assert.Equal(new SiteScheme(SchemeNames.UniformSymmetricMse, Granularity.Channel(0)), recipe.Schemes[SiteRole.Weight]);
        Assert.Equal(new SiteScheme(SchemeNames.FreeLevels, Granularity.Tensor) { WideScheme = SchemeNames.UniformMse }, recipe.Schemes[SiteRole.PostLayerNorm]);
        Assert.Equal(new SiteScheme(SchemeNames.Log2, Granularity.Tensor), recipe.Schemes[SiteRole.PostSoftmax]);
        Assert.DoesNotContain(SiteRole.ModelInput, recipe.Schemes.Keys);
    }

    public static TheoryData<string, Action> Wrong => new()
    {
        { "Recipe 'own' quantizes nothing", static () => QuantizationRecipe.Build("own").Then(BuiltIn.Stage(StageNames.WeightCalibration)).Create() },
        { "Recipe 'own' has no stage", static () => QuantizationRecipe.Build("own").Weights("uniform").Create() },
        { "'gptq' before 'weight-calibration'; expected it behind, for it builds on", static () => Own(StageNames.Gptq, StageNames.WeightCalibration) },
        { "'output-sensitivity' behind 'gptq', the last one that reads the OutputImportance that it finds out", static () => Own(StageNames.WeightCalibration, StageNames.Gptq, StageNames.OutputSensitivity) },
        { "DropProbability of recipe 'own' is 1", static () => _ = Own(StageNames.WeightCalibration) with { DropProbability = 1 } },
        { "HeldOutShare of recipe 'own' is -0.5", static () => _ = Own(StageNames.WeightCalibration) with { HeldOutShare = -0.5 } },
        { "LearningRate of recipe 'own' is 0", static () => _ = Own(StageNames.WeightCalibration) with { LearningRate = 0 } },
        { "Reconstruction.BatchSize is 0", static () => _ = new ReconstructionStage("x", UnitInput.Full) { Options = new() { BatchSize = 0 } } },
        { "OutputTuning.Steps is -1", static () => _ = new OutputTuningStage { Options = new() { Steps = -1 } } },
        { "There is no stage 'gptk'; known are head-rotation", static () => BuiltIn.Stage("gptk") },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Create_WhatCannotWork_IsAnErrorThatSaysWhy(string message, Action create)
    {
        var e = Assert.Throws<OptionsException>(create);

        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantize_StageWithItsOwnOptions_FollowsThem()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var recipe = QuantizationRecipe.Build("own").Activations(SchemeNames.UniformMse)
            .Then(
                BuiltIn.Stage(StageNames.ActivationCalibration),
                new ReconstructionStage("first", UnitInput.Full) { Options = new() { Iterations = 3, BatchSize = 4, Views = 1 } },
                new ReconstructionStage("second", UnitInput.Full))
            .Create();
        var options = new QuantizationOptions { Recipe = "own" };
        Micro.Quick(options);

        using var quantized = new ModelQuantizer(options, BuiltIn.CreateRegistry(), [recipe], [], new SquaredErrorLoss()).Run(model, Micro.Images());

        // The patch embedding has nothing but a weight to quantize.
        var units = quantized.Report!.Units.Where(static unit => unit.Unit != "patch_embed").ToList();
        Assert.All(units, static unit => Assert.Equal(unit.Stage == "first" ? 3 : 6, unit.Iterations));
        Assert.Equal(6, units.Count);
    }

    /// <summary>A stage of the user's own, run alone: what it does is seen, and disposing the context takes it back.</summary>
    [Fact]
    public void Prepare_StageOfTheUsersOwn_RunsByItselfAndIsTakenBack()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        model.train();
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Call());
        using var samples = new InMemorySamples([images]);
        var stage = new HalvingStage();

        using (var context = ModelQuantizer.Create().Prepare(ModelForward.Of(model), samples, cancellationToken: TestContext.Current.CancellationToken))
        {
            Assert.Equal(["patch_embed", "blocks.0", "blocks.1", "head"], context.Graph.Units.Select(static unit => unit.Path));
            Assert.All(context.Attachment.Bindings, static binding => Assert.Equal(SiteState.Off, binding.State));
            Assert.Equal(Micro.ImageCount, context.Batches.Sum(static batch => batch.Count));
            ((IQuantizationStage)stage).Check(context);
            stage.Run(context);

            Assert.Equal(1, context.Find<HalvingStage.Result>()!.Layers);
            Assert.False(model.training);
            var head = ((Linear)context.Graph.Modules["head"]).weight!;
            Assert.Equal(0, (head - (0.5f * parameters["head.weight"])).abs().max().item<float>());
            Assert.Equal(HalvingStage.Done, Assert.Single(context.Units));
            context.Dispose();
        }

        Assert.True(model.training);
        model.eval();
        Micro.AssertUntouched(model, parameters, images, output);

        Tensor Call()
        {
            model.eval();
            var result = Micro.Call(model, images);
            model.train();
            return result;
        }
    }

    [Fact]
    public void Quantize_ResultThatCannotBeDisposed_LeavesTheModelAsItWas()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        var quantizer = Micro.Quantizer([StageNames.ActivationCalibration, "publish"], [new ProbeStage("publish", static context => context.Publish(new Undisposable()))]);

        Assert.Throws<NotSupportedException>(() => quantizer.Run(model, images));

        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Fact]
    public void Prepare_StagesRunByHand_GiveWhatQuantizeGives()
    {
        using var scope = NewDisposeScope();
        using var first = Micro.Vit();
        using var second = Micro.Vit();
        var images = Micro.Images();
        using var samples = new InMemorySamples([images]);
        using var quantized = Micro.Quantizer(static options => options.Recipe = "repq").Run(first, images);

        using var context = Micro.Quantizer(static options => options.Recipe = "repq").Prepare(ModelForward.Of(second), samples, cancellationToken: TestContext.Current.CancellationToken);
        foreach (var stage in context.Recipe.Stages)
        {
            stage.Check(context);
            stage.Run(context);
        }

        TensorAssert.Identical(quantized.Predict(images), Micro.Call(second, images));
    }

    /// <summary>A stage that trains something is resumed like those of the library.</summary>
    [Fact]
    public void Quantize_StageOfTheUsersOwnInterrupted_GoesOnWhereItWas()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var run = new QuantizationRun { CheckpointDirectory = folder.Path };
        var recipe = QuantizationRecipe.Build("own").Weights(SchemeNames.UniformMse).Then(new HalvingStage()).Create();
        var quantizer = new ModelQuantizer(new QuantizationOptions { Recipe = "own" }, BuiltIn.CreateRegistry(), [recipe], [], new SquaredErrorLoss());

        using var first = Micro.Vit();
        using var done = quantizer.Run(first, Micro.Images(), run);
        using var second = Micro.Vit();
        using var resumed = quantizer.Run(second, Micro.Images(), run);

        Assert.Equal(StopReason.Completed, done.Report!.Units.Single().StopReason);
        Assert.Equal(StopReason.Resumed, resumed.Report!.Units.Single().StopReason);
        Assert.Equal(7, resumed.Report.CacheBytes);
        Micro.AssertSame(Micro.Copy(first), Micro.Copy(second));
    }

    private static QuantizationRecipe Own(params IEnumerable<string> stages) => QuantizationRecipe.Build("own").Weights("uniform").Then(stages.Select(BuiltIn.Stage)).Create();

    /// <summary>Halves the head's weight.</summary>
    private sealed class HalvingStage : IQuantizationStage
    {
        public static UnitResult Done { get; } = new()
        {
            Unit = "head",
            Stage = "halving",
            LossBefore = 2,
            LossAfter = 1,
            Iterations = 1,
            Duration = TimeSpan.Zero,
            StopReason = StopReason.Completed,
        };

        public string Name => "halving";

        public IReadOnlyCollection<Type> Writes => [typeof(Result)];

        public long StepsFor(QuantizationOptions options, int units) => 1;

        public long MemoryFor(QuantizationContext context) => 7;

        public void Run(QuantizationContext context)
        {
            using var noGrad = no_grad();
            var weight = ((Linear)context.Graph.Modules["head"]).weight!;
            context.Progress.BeginUnit("head", 0, 1, 1);
            if (context.TryResume(Name, 0, "head", [("head.weight", weight)]) is { } earlier)
            {
                context.Progress.EndUnit(1);
                context.Add(earlier);
                return;
            }

            weight.mul_(0.5f);
            context.Progress.Step("head", 0, 1, 1, 1, 1);
            context.Progress.EndUnit(0);
            context.Keep(0, Done, [("head.weight", weight)]);
            context.Add(Done);
            context.Publish(new Result(1));
        }

        public sealed record Result(int Layers);
    }

    private sealed class Undisposable : IDisposable
    {
        public void Dispose() => throw new NotSupportedException("as planned");
    }
}
