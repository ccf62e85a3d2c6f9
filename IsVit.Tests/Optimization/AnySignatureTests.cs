using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Optimization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Tests.Optimization.SeveralTensors;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

/// <summary>Models of several inputs and outputs are quantized, and their units reconstructed, by the public interface alone.</summary>
public sealed class AnySignatureTests
{
    private const int Count = 40;

    // Without the stages that leave little to reconstruct.
    private static readonly string[] s_stages =
        [StageNames.ActivationCalibration, StageNames.OutputSensitivity, StageNames.ActivationReconstruction, StageNames.WeightCalibration, StageNames.WeightReconstruction];

    [Fact]
    public void Quantize_TwoInputs_ReconstructsUnitsThatTakeBoth()
    {
        using var scope = NewDisposeScope();
        var samples = new InMemorySamples([new SampleBatch(Seeded.Normal(1, Count, 5, 12), Seeded.Normal(2, Count, 3, 12))]);
        using var quantized = Micro.Quantizer(s_stages, [], static options => options.Reconstruction.Iterations = 30)
            .Quantize(ModelForward.Of(CrossModel.Create()), samples, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(["_blocks.0", "_blocks.1", "_head"], Units(quantized.Report!, "activation-reconstruction"));
        Assert.Equal(["_blocks.0", "_blocks.1", "_head"], Units(quantized.Report!, "weight-reconstruction"));
        Assert.Equal([[1, 5, 12], [1, 3, 12]], quantized.Attachment.Graph.Units[0].InputShapes);
        Assert.All(quantized.Report!.Units, static unit => Assert.True(unit.LossAfter < unit.LossBefore, unit.ToString()));
        Assert.All(quantized.Attachment.Bindings.Where(static binding => !binding.IsWeight), static binding => Assert.Equal(SiteState.Quantized, binding.State));
    }

    [Fact]
    public void Quantize_ThreeOutputs_ReconstructsUnitsThatGiveSeveral()
    {
        using var scope = NewDisposeScope();
        var samples = new InMemorySamples([Seeded.Normal(1, Count, 5, 12)]);
        using var quantized = Micro.Quantizer(s_stages, [], static options => options.Reconstruction.Iterations = 30)
            .Quantize(ModelForward.Of(Detector.Create()), samples, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(["_stages.0", "_stages.1", "_scores", "_boxes"], Units(quantized.Report!, "weight-reconstruction"));
        Assert.Equal([[1, 5, 12], [1, 5, 12], [1]], quantized.Attachment.Graph.Units[1].OutputShapes);
        Assert.All(quantized.Report!.Units, static unit => Assert.True(unit.LossAfter < unit.LossBefore, unit.ToString()));
        Assert.Equal([ScalarType.Float32, ScalarType.Float32, ScalarType.Int64], quantized.Predict(samples.Batches[0]).Select(static output => output.dtype));
    }

    /// <summary>A unit's loss is the sum of its outputs' losses, of those that are numbers.</summary>
    [Fact]
    public void Quantize_UnitThatGivesSeveral_LossIsTheSumOverThem()
    {
        using var scope = NewDisposeScope();
        var images = Seeded.Normal(1, Count, 5, 12);
        var model = Detector.Create();
        var stage = (Stage)model.named_modules().Single(static entry => entry.name == "_stages.0").module;
        var wanted = Features();
        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration, StageNames.ActivationReconstruction], [], static options => options.Reconstruction.Iterations = 0)
            .Quantize(ModelForward.Of(model), new InMemorySamples([images]), cancellationToken: TestContext.Current.CancellationToken);

        var loss = wanted.Zip(Features()).Sum(static pair => 5 * (pair.First - pair.Second).pow(2).mean().item<float>());
        Assert.Equal(loss, quantized.Report!.Units[0].LossBefore, 1e-5 * loss);
        Assert.True(loss > 0);

        List<Tensor> Features()
        {
            using var noGrad = no_grad();
            return stage.call([images]).Features;
        }
    }

    /// <summary>What a unit takes may be the model's own input, or be taken by several units: it is put away once and comes back for all.</summary>
    [Theory]
    [InlineData(ActivationStorage.BFloat16, 0.01)]
    [InlineData(ActivationStorage.Disk, 0)]
    public void Quantize_ActivationsPutAway_ReconstructsAsInMemory(ActivationStorage cache, double tolerance)
    {
        using var scope = NewDisposeScope();
        var (images, others) = (Seeded.Normal(1, Count, 5, 12), Seeded.Normal(2, Count, 3, 12));
        var samples = new InMemorySamples([new SampleBatch(images, others)]);
        var (expected, found) = (Losses(ActivationStorage.Memory), Losses(cache));

        Assert.Equal(3, found.Count);
        Assert.All(expected.Zip(found), pair => Assert.InRange(pair.Second, (1 - tolerance) * pair.First, (1 + tolerance) * pair.First));
        TensorAssert.Identical(Seeded.Normal(1, Count, 5, 12), images);
        TensorAssert.Identical(Seeded.Normal(2, Count, 3, 12), others);

        List<double> Losses(ActivationStorage storage)
        {
            using var quantized = Micro.Quantizer(s_stages, [], options => options.Reconstruction.Cache = storage)
                .Quantize(ModelForward.Of(CrossModel.Create()), samples, cancellationToken: TestContext.Current.CancellationToken);

            // Later, codes of weights follow from steps on what was rounded.
            return [.. quantized.Report!.Units.Where(static unit => unit.Stage == StageNames.ActivationReconstruction).Select(static unit => unit.LossBefore)];
        }
    }

    [Fact]
    public void CompareWithCalibration_TwoInputs_SeesADriftOfEither()
    {
        using var scope = NewDisposeScope();
        var samples = new InMemorySamples([new SampleBatch(Seeded.Normal(1, 64, 5, 12), Seeded.Normal(2, 64, 3, 12))]);
        using var quantized = Micro.Quantizer(static options => options.Recipe = "minmax").Quantize(ModelForward.Of(CrossModel.Create()), samples, cancellationToken: TestContext.Current.CancellationToken);

        Assert.False(quantized.CompareWithCalibration(Drifted(1), cancellationToken: TestContext.Current.CancellationToken).HasDrifted);
        Assert.True(quantized.CompareWithCalibration(Drifted(4), cancellationToken: TestContext.Current.CancellationToken).HasDrifted);

        static InMemorySamples Drifted(double factor) => new([new SampleBatch(Seeded.Normal(5, 32, 5, 12), Seeded.Normal(6, 32, 3, 12) * factor), new SampleBatch(Seeded.Normal(7, 8, 5, 12), Seeded.Normal(8, 8, 3, 12) * factor)]);
    }

    /// <summary>A second input that changes nothing leaves every number of a run as it is.</summary>
    [Fact]
    public void Quantize_SecondInputWithoutEffect_IsTheRunOfTheModelWithoutIt()
    {
        using var scope = NewDisposeScope();
        var images = Seeded.Normal(1, Count, 5, 12);
        var (one, two) = (SoloModel.Create(), CrossModel.Create(mixes: false));
        using var alone = Micro.Quantizer().Run(one, images);
        using var paired = Micro.Quantizer().Quantize(
            ModelForward.Of(two), new InMemorySamples([new SampleBatch(images, Seeded.Normal(2, Count, 3, 12))]), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(6, alone.Report!.Units.Count);
        Assert.Equal(alone.Report.Units.Select(Told), paired.Report!.Units.Select(Told));
        TensorAssert.Identical(alone.Predict(images), paired.Predict(new SampleBatch(images, zeros(Count, 3, 12))).Single());

        static (string, string, double, double) Told(UnitResult unit) => (unit.Unit, unit.Stage, unit.LossBefore, unit.LossAfter);
    }

    /// <summary>Batches of any sizes are as good as one tensor: nothing but how they are cut differs.</summary>
    [Fact]
    public void Quantize_BatchesOfOddSizes_EqualsOneTensor()
    {
        using var scope = NewDisposeScope();
        var images = Micro.Images();
        using var first = Micro.Vit();
        using var second = Micro.Vit();
        using var whole = Micro.Quantizer().Run(first, images);
        using var cut = Micro.Quantizer().Quantize(ModelForward.Of(second), new InMemorySamples(images.split([7, 1, 0, 20, 12])), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(whole.Report!.Units.Select(static unit => (unit.Unit, unit.LossAfter)), cut.Report!.Units.Select(static unit => (unit.Unit, unit.LossAfter)));
        TensorAssert.Identical(whole.Predict(images), cut.Predict(images));
    }

    [Fact]
    public void Quantize_FunctionOfTheCaller_SaysWhatGoesInAndWhatCounts()
    {
        using var scope = NewDisposeScope();
        var model = new Keyed();
        Micro.Enliven(model, 3);
        model.eval();
        var forward = new ModelForward(model, batch => [model.call(new Dictionary<string, Tensor> { ["image"] = batch[0], ["scale"] = batch[1] })["scores"]]);
        var samples = new InMemorySamples([new SampleBatch(Seeded.Normal(1, Count, 12), Seeded.Normal(2, Count, 1))]);
        var wanted = forward.Predict(samples.Batches[0]).Single();
        using var folder = new TemporaryFolder();

        using (var quantized = Micro.Quantizer(static options => options.Reconstruction.Iterations = 20).Quantize(forward, samples, cancellationToken: TestContext.Current.CancellationToken))
        {
            Assert.Equal(["_layers.0", "_layers.1"], Units(quantized.Report!, "weight-reconstruction"));
            Assert.Contains(quantized.Report!.Units, static unit => unit.LossAfter < 0.99 * unit.LossBefore);
            Assert.Equal(0.0, quantized.MeasureCoverage(samples.Batches[0].Slice(0, 1)).FloatShare);
            quantized.Save(folder["keyed.safetensors"]);
            wanted = quantized.Predict(samples.Batches[0]).Single();
        }

        var copy = new Keyed();
        copy.eval();
        using var loaded = QuantizedModel.Load(folder["keyed.safetensors"], new ModelForward(copy, batch => [copy.call(new Dictionary<string, Tensor> { ["image"] = batch[0], ["scale"] = batch[1] })["scores"]]));
        TensorAssert.Identical(wanted, loaded.Predict(samples.Batches[0]).Single());
        Assert.Contains("Keyed", Assert.Throws<InvalidOperationException>(() => loaded.Model).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MeasureSensitivity_ThreeOutputs_EnteredAtUnitsIsMeasuredAsAWhole()
    {
        using var scope = NewDisposeScope();
        var samples = new InMemorySamples([Seeded.Normal(1, 24, 5, 12)]);
        var model = Detector.Create();
        var before = Micro.Copy(model);

        var report = Micro.Quantizer(static options => options.OutputMetric = OutputMetric.Values).MeasureSensitivity(
            ModelForward.Of(model), samples, new SensitivityOptions { Method = SensitivityMethod.Measured, Widths = [3, 8], ImageCount = 24 }, cancellationToken: TestContext.Current.CancellationToken);

        Micro.AssertSame(before, Micro.Copy(model));
        Assert.Equal(ModuleGraph.Trace(ModelForward.Of(model), samples.Batches[0].Slice(0, 1)).Sites.Where(static site => site.Role != SiteRole.ModelInput).Select(static site => site.Id).Order(StringComparer.Ordinal), report.Sites.Select(static site => site.Site.Id).Order(StringComparer.Ordinal));
        Assert.All(report.Sites, static site => Assert.True(site.Widths[0].Measured > 1.5 * site.Widths[1].Measured, site.Site.Id));

        // Small errors, measured and estimated to second order.
        Assert.All(report.Sites.Where(static site => site.IsWeight), static site => Assert.InRange(site.Widths[1].Measured!.Value / site.Widths[1].Estimated, 0.3, 3));
    }

    [Fact]
    public void Quantize_InfiniteMaskAsAnInput_UnitsAreReconstructed()
    {
        using var scope = NewDisposeScope();
        var mask = ones(Count, 5, 5);
        mask[.., 0, 4] = 0;
        using var quantized = Micro.Quantizer(s_stages, [], static options => options.Reconstruction.DropProbability = 0.5)
            .Quantize(ModelForward.Of(Masked.Create()), new InMemorySamples([new SampleBatch(Seeded.Normal(1, Count, 5, 12), mask)]), cancellationToken: TestContext.Current.CancellationToken);

        Assert.DoesNotContain(quantized.Report!.Units, static unit => unit.StopReason == StopReason.Diverged);
        Assert.Equal(2, quantized.Report.Units.Count(static unit => unit.Stage == StageNames.WeightReconstruction && unit.Unit.StartsWith("_blocks", StringComparison.Ordinal) && unit.StopReason == StopReason.Completed));
    }

    [Fact]
    public void Quantize_InputAndNothingAmongTheOutputs_AreLeftAsTheyAre()
    {
        using var scope = NewDisposeScope();
        var model = Micro.Vit();
        var images = Micro.Images();
        var forward = new ModelForward(model, batch => model.call(batch[0]) is var logits ? [logits, batch[0], logits.narrow(1, 0, 0)] : []);
        using var quantized = Micro.Quantizer(static options => options.OutputTuning.Steps = 2).Quantize(forward, new InMemorySamples([images]), cancellationToken: TestContext.Current.CancellationToken);

        Assert.All(quantized.Report!.Units, static unit => Assert.True(double.IsFinite(unit.LossAfter), unit.ToString()));
        var found = quantized.Predict(new SampleBatch(images));
        Assert.NotSame(images, found[1]);
        TensorAssert.Identical(Micro.Images(), found[1]);
        quantized.Dispose();
        Assert.Throws<ObjectDisposedException>(() => quantized.Predict(new SampleBatch(images)));
    }

    [Fact]
    public void Quantize_TokensAndFrozenParameters_MeasuresAndTrains()
    {
        using var scope = NewDisposeScope();
        var model = nn.Sequential(("embed", nn.Embedding(20, 12)), ("fc1", nn.Linear(12, 16)), ("act", nn.GELU()), ("fc2", nn.Linear(16, 4)));
        Micro.Enliven(model, 3);
        model.eval();
        foreach (var parameter in model.parameters())
        {
            parameter.requires_grad = false;
        }

        using var quantized = Micro.Quantizer().Quantize(ModelForward.Of(model), new InMemorySamples([arange(Count * 3).remainder(20).view(Count, 3)]), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(["fc1", "fc2"], Units(quantized.Report!, "weight-reconstruction"));
        Assert.All(model.parameters(), static parameter => Assert.False(parameter.requires_grad));
    }

    private static IEnumerable<string> Units(QuantizationReport report, string stage) => report.Units.Where(unit => unit.Stage == stage).Select(static unit => unit.Unit);
}
