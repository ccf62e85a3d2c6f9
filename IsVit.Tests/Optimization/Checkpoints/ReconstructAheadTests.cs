using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Checkpoints;

/// <summary>One run's units divided over several processes.</summary>
public sealed class ReconstructAheadTests
{
    [Theory]
    [InlineData(2, 0.0)]
    [InlineData(3, 0.02)]
    [InlineData(7, 0.0)]
    public void Quantize_UnitsOfSeveralShares_SameModelAsOfOneRun(int shares, double quantizerLearningRate)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var whole = Micro.Vit();
        using var divided = Micro.Vit();
        var images = Micro.Images();
        void Configure(QuantizationOptions options) => options.Reconstruction.QuantizerLearningRate = quantizerLearningRate;
        using var expected = Micro.Quantizer(Configure).Run(whole, images);

        var results = new List<UnitResult>();
        for (var share = 0; share < shares; share++)
        {
            // Each process has the model and the images anew.
            using var own = Micro.Vit();
            using var before = new ParametersCopy(own);
            var path = Directory.CreateDirectory(folder[$"share{share}"]).FullName;
            results.AddRange(Micro.Quantizer(Configure).ReconstructAhead(ModelForward.Of(own), Samples(images), index => index % shares == share, new QuantizationRun { CheckpointDirectory = path }, TestContext.Current.CancellationToken));
            before.AssertUnchanged();
        }

        Directory.CreateDirectory(folder["all"]);
        foreach (var file in Enumerable.Range(0, shares).SelectMany(share => Directory.GetFiles(folder[$"share{share}"], "*.*")).Where(static file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(folder["all"], Path.GetFileName(file)), overwrite: true);
        }

        using var quantized = Micro.Quantizer(Configure).Run(divided, images, new QuantizationRun { CheckpointDirectory = folder["all"] });

        Micro.AssertSame(Micro.Copy(whole), Micro.Copy(divided));
        TensorAssert.Identical(expected.Predict(images), quantized.Predict(images));
        var first = quantized.Report!.Units.Where(static unit => unit.Stage == StageNames.ActivationReconstruction).ToList();
        Assert.Equal(results.Count, first.Count);
        Assert.All(first.Where(static unit => unit.Iterations > 0), static unit => Assert.Equal(StopReason.Resumed, unit.StopReason));
        Assert.Equal(
            expected.Report!.Units.Where(static unit => unit.Stage == StageNames.ActivationReconstruction).Select(static unit => (unit.Unit, unit.LossBefore, unit.LossAfter)).Order(),
            results.Select(static unit => (unit.Unit, unit.LossBefore, unit.LossAfter)).Order());
    }

    [Fact]
    public void ReconstructAhead_NothingToDivide_SaysSo()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        var samples = Samples(Micro.Images());
        var run = new QuantizationRun { CheckpointDirectory = folder.Path };
        var minmax = Micro.Quantizer(static options => options.Recipe = RecipeNames.MinMax);

        Assert.False(minmax.CanReconstructAhead);
        Assert.True(Micro.Quantizer().CanReconstructAhead);
        Assert.Contains("'minmax' has no reconstruction", Assert.Throws<QuantizationException>(() => minmax.ReconstructAhead(ModelForward.Of(model), samples, static _ => true, run, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("run", () => Micro.Quantizer().ReconstructAhead(ModelForward.Of(model), samples, static _ => true, new QuantizationRun(), TestContext.Current.CancellationToken));
    }

    private static InMemorySamples Samples(Tensor images) => new([images]);

    private sealed class ParametersCopy(nn.Module model) : IDisposable
    {
        private readonly List<(TorchSharp.Modules.Parameter Now, Tensor Before)> _parameters = [.. model.parameters().Select(static parameter => (parameter, parameter.detach().clone().DetachFromDisposeScope()))];

        public void AssertUnchanged() => Assert.All(_parameters, static parameter => TensorAssert.Identical(parameter.Before, parameter.Now));

        public void Dispose() => _parameters.ForEach(static parameter => parameter.Before.Dispose());
    }
}
