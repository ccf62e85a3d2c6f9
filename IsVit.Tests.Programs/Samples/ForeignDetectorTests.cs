using ForeignDetector;
using IsVit.Core.Coverage;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Samples;

/// <summary>A detector that was not written for this library, with the weights of its ONNX file.</summary>
public sealed class ForeignDetectorTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void ForwardBatch_WeightsOfAFile_GivesWhatOnnxRuntimeGives()
    {
        using var noGrad = no_grad();
        using var reference = new OnnxReference(SharedData.DeimAtto);
        using var model = new DeimDetector(OnnxWeights.Read(SharedData.DeimAtto));

        foreach (var image in DetectionImages.Read(SharedData.DetectionImages, model.ImageSize, 2))
        {
            var (logits, boxes, queries) = reference.Run(image.Pixels);
            var given = model.ForwardBatch(new SampleBatch(image.Pixels.unsqueeze(0), queries.unsqueeze(0)));

            Assert.InRange((given[0].squeeze(0) - logits).abs().max().item<float>(), 0, 2e-3f);
            Assert.InRange((given[1].squeeze(0) - boxes).abs().max().item<float>(), 0, 2e-4f);
            Assert.InRange(logits.max().item<float>(), 0, 10);

            // Unaided it chooses the same places, but for the order of those that look equally much like objects.
            var chosen = model.WithQueries(image.Pixels.unsqueeze(0))[1];
            Assert.InRange(chosen.data<long>().Intersect(queries.data<long>()).Count(), 98, 100);
        }
    }

    [Fact]
    public void Quantize_ThroughThePublicApi_CoversTheDecoderAndKeepsBoxes()
    {
        using var model = new DeimDetector(OnnxWeights.Read(SharedData.DeimAtto));
        var images = DetectionImages.Read(SharedData.DetectionImages, model.ImageSize, 4);
        var unseen = model.WithQueries(images.Skip(2).Join());
        IReadOnlyList<Tensor> wanted;
        using (no_grad())
        {
            wanted = [.. model.ForwardBatch(unseen).Select(static output => output.clone())];
        }

        using var quantized = ModelQuantizer.Create(static options =>
        {
            (options.Recipe, options.WeightBits, options.ActivationBits, options.OutputMetric) = (RecipeNames.MinMax, 8, 8, OutputMetric.Values);
        }).Quantize(ModelForward.Of(model), new InMemorySamples([model.WithQueries(images.Take(2).Join())]), cancellationToken: TestContext.Current.CancellationToken);

        var coverage = quantized.MeasureCoverage(new SampleBatch(images[0].Pixels.unsqueeze(0)), ProductSource.Operators);
        Assert.True(coverage.IsComplete || !OperatingSystem.IsLinux());
        Assert.Equal(0, coverage.FloatShare);
        Assert.Equal(
            ["attend.av", "attend.qk", "weigh"],
            coverage.Products.Where(static product => product.Left?.Site.Operand == SiteOperand.Left).Select(static product => product.Product.Path.Split("attn.")[1]).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(9, coverage.Products.Count(static product => product.Left?.Site.Role == SiteRole.PostSoftmax));

        // Query by query, those that a box is shown of: a hundredth of the image's side, and a tenth of a class's probability.
        var given = quantized.Predict(unseen);
        var shown = wanted[0].amax([-1]).sigmoid().gt(0.3);
        Assert.InRange(shown.sum().item<long>(), 4, 60);
        Assert.InRange((given[1] - wanted[1]).abs().mean([-1])[shown].mean().item<float>(), 1e-4f, 0.01f);
        Assert.InRange((given[0].sigmoid() - wanted[0].sigmoid()).abs().amax([-1])[shown].mean().item<float>(), 1e-4f, 0.1f);
    }
}
