using IsVit.Core.Coverage;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Detection.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Tests.Detection.Models;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Quantization;

/// <summary>Whole detectors are quantized by the public interface alone.</summary>
public sealed class DetectorQuantizationTests
{
    private static readonly DetectorSampleOptions s_few = new() { BoxRegions = 12, MaskRegions = 4, Anchors = 20 };

    [Fact]
    public void Collect_TwoSizes_PadsThemAndTakesTheFloatModelsRegions()
    {
        using var scope = torch.NewDisposeScope();
        using var oracle = new DetectorOracle("cascade_mask_rcnn");
        using var samples = DetectorSamples.Collect(oracle.Detector, [oracle.Input(0), oracle.Input(1)], s_few, TestContext.Current.CancellationToken);

        Assert.Equal(2, samples.Count);
        Assert.Equal([[1, 3, 192, 224], [1, 12, 6], [1, 12, 6], [1, 12, 6], [1, 4, 5], [1, 20, 2]], samples.Batches[1].Inputs.Select(static input => input.shape));
        using var noGrad = torch.no_grad();
        var padded = oracle.Batch();
        TensorAssert.Identical(padded.Images.narrow(0, 1, 1), samples.Batches[1][0]);

        // Every fifth of 64 proposals; the second stage's are what the first made of them.
        var input = new DetectorInput(padded.Images.narrow(0, 1, 1), [oracle.Geometry(1, true)]);
        var pyramid = oracle.Detector.Pyramid(input.Images);
        var proposals = oracle.Detector.Propose(pyramid, input);
        var chosen = torch.tensor(new long[] { 0, 5, 10, 16, 21, 26, 32, 37, 42, 48, 53, 58 });
        TensorAssert.Identical(proposals[0].narrow(1, 0, 4).index_select(0, chosen), samples.Batches[1][1][0].narrow(1, 0, 4));
        var stages = oracle.Detector.Classify(pyramid, proposals, input).Stages;
        TensorAssert.Identical(stages[1].Boxes[0].index_select(0, chosen), samples.Batches[1][2][0].narrow(1, 0, 4));
        TensorAssert.Identical(stages[2].Boxes[0].index_select(0, chosen), samples.Batches[1][3][0].narrow(1, 0, 4));
        var probabilities = torch.nn.functional.softmax(stages[1].Scores[0].index_select(0, chosen), 1);
        TensorAssert.Identical(probabilities.narrow(1, 0, probabilities.shape[1] - 1).argmax(1).to(torch.float32), samples.Batches[1][2][0].select(1, 4));
        TensorAssert.Close(1 - probabilities.select(1, -1), samples.Batches[1][2][0].select(1, 5), new(0, 1e-5));

        // Masks are drawn in the best detections, on the network's input.
        var scale = torch.tensor([input.Geometries[0].ScaleX, input.Geometries[0].ScaleY, input.Geometries[0].ScaleX, input.Geometries[0].ScaleY]);
        var detected = Assert.Single(oracle.Detector.call(input));
        TensorAssert.Close(detected.Boxes.narrow(0, 0, 4).mul(scale), samples.Batches[1][4][0].narrow(1, 0, 4), new(0, 1e-3));
        TensorAssert.Identical(detected.Labels.narrow(0, 0, 4).to(torch.float32), samples.Batches[1][4][0].select(1, 4));

        // The best anchor first, and an output of the forward for each of them.
        var outputs = oracle.Detector.ForwardBatch(samples.Batches[1]);
        Assert.Equal([[1, 20], [1, 20, 4], .. Enumerable.Repeat<long[][]>([[1, 12, probabilities.shape[1]], [1, 12, 4]], 3).SelectMany(static pair => pair), .. Enumerable.Repeat<long[]>([1, 4, 28, 28], 3)], outputs.Select(static output => output.shape));
        TensorAssert.Close(samples.Batches[1][5][0].select(1, 1), outputs[0][0].sigmoid(), new(0, 1e-5));
        Assert.Equal(proposals[0].select(1, 4).max().item<float>(), outputs[0][0][0].sigmoid().item<float>(), 1e-5);
        Assert.Equal(oracle.Detector.DeclareOutputs().Count, outputs.Count);
    }

    [Fact]
    public void Collect_NothingDetected_SaysWhichHeadSawNothing()
    {
        using var scope = torch.NewDisposeScope();
        using var detector = (DetectorOracle.Options("mask_rcnn") with { ScoreThreshold = 1 }).Create();
        var error = Assert.Throws<QuantizationException>(() => DetectorSamples.Collect(detector, [new DetectorInput(torch.zeros(1, 3, 64, 64))], s_few, TestContext.Current.CancellationToken));

        Assert.Contains("'roi_head.mask_head'", error.Message, StringComparison.Ordinal);
    }

    // Weights are random: what heads give for the float model's regions tells more than which regions win.
    [Theory]
    [InlineData("mask_rcnn")]
    [InlineData("cascade_mask_rcnn")]
    public void Quantize_MoreBits_BringEveryOutputCloserToTheFloatModels(string name)
    {
        using var scope = torch.NewDisposeScope();
        var (eight, four) = (Errors(name, RecipeNames.Percentile, 8).Errors, Errors(name, RecipeNames.Percentile, 4).Errors);

        Assert.Equal(name == "mask_rcnn" ? 5 : 11, eight.Length);
        Assert.All(eight, static error => Assert.InRange(error, 1e-9, 0.05));
        Assert.All(eight.Zip(four), static pair => Assert.True(4 * pair.First < pair.Second, $"{pair.First} {pair.Second}"));
    }

    // Squared error of each output relative to its variance, and the run's report.
    private static (double[] Errors, QuantizationReport Report) Errors(string name, string recipe, int bits)
    {
        using var oracle = new DetectorOracle(name);
        using var samples = Samples(oracle);
        var wanted = Outputs();
        using var quantized = Quantize(oracle, bits, recipe, samples);
        return ([.. wanted.Zip(Outputs()).Select(static pair => ((pair.First - pair.Second).pow(2).mean() / pair.First.var()).item<float>())], quantized.Report!);

        IReadOnlyList<torch.Tensor> Outputs()
        {
            using var noGrad = torch.no_grad();
            return oracle.Detector.ForwardBatch(samples.Batches[0]);
        }
    }

    [Theory]
    [InlineData("mask_rcnn")]
    [InlineData("cascade_mask_rcnn")]
    public void Quantize_Whole_CoversEveryProductButTheTransposedConvolutions(string name)
    {
        using var scope = torch.NewDisposeScope();
        using var oracle = new DetectorOracle(name);
        using var samples = Samples(oracle);
        using var quantized = Quantize(oracle, 4, RecipeNames.Percentile, samples);
        var coverage = quantized.MeasureCoverage(samples.Batches[0], ProductSource.Operators);

        var inFloat = coverage.Products.Where(static product => !product.IsQuantized).Select(static product => product.Product.Path).Distinct().ToList();
        Assert.Equal(name == "mask_rcnn" ? ["roi_head.mask_head.upsample"] : ["roi_head.mask_head.0.upsample", "roi_head.mask_head.1.upsample", "roi_head.mask_head.2.upsample"], inFloat);
        Assert.InRange(coverage.FloatShare, 0.001, 0.1);

        var bits = quantized.Attachment.Bindings.ToDictionary(static binding => binding.Site.Id, static binding => binding.Quantizer.Bits.Bits);
        Assert.Equal(4, bits["rpn_head.rpn_conv:input"]);
        Assert.Equal(4, bits["rpn_head.rpn_reg:weight"]);
        Assert.Equal(4, bits["neck.fpn_convs.3.conv:input"]);
        Assert.Equal(4, bits["backbone.layers.2.blocks.0.attn.av:left"]);
        Assert.Contains(bits.Keys, static id => id.StartsWith("roi_head.mask_head", StringComparison.Ordinal) && id.EndsWith("conv_logits:input", StringComparison.Ordinal));
    }

    [Fact]
    public void Quantize_FourBits_ReconstructsEveryPartAndComesCloserThanCalibrationAlone()
    {
        using var scope = torch.NewDisposeScope();
        var (errors, report) = Errors("mask_rcnn", RecipeNames.ISVit, 4);
        var calibrated = Errors("mask_rcnn", RecipeNames.Percentile, 4).Errors;

        var units = report.Units.Where(static unit => unit.Stage == StageNames.WeightReconstruction).ToDictionary(static unit => unit.Unit);
        Assert.Equal(6 + 3 + 1 + 4, units.Count);
        Assert.Superset(new HashSet<string>(["backbone.patch_embed", "backbone.layers.1.downsample", "neck", "rpn_head", "roi_head.bbox_head", "roi_head.mask_head"]), units.Keys.ToHashSet());
        Assert.All(units.Values, static unit => Assert.True(unit.LossAfter <= unit.LossBefore, unit.ToString()));
        Assert.All(errors.Zip(calibrated), static pair => Assert.True(pair.First < 0.8 * pair.Second, $"{pair.First} {pair.Second}"));
    }

    /// <summary>A file holds everything that a new detector of the same shape needs, the statistics of batch normalization included.</summary>
    [Theory]
    [InlineData("mask_rcnn")]
    [InlineData("cascade_mask_rcnn")]
    public void Load_SavedDetector_DetectsTheSame(string name)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var folder = new TemporaryFolder();
        using var oracle = new DetectorOracle(name);
        using var fresh = DetectorOracle.Options(name).Create();
        using (var quantized = Quantize(oracle, 4, RecipeNames.Percentile))
        {
            quantized.Save(folder["detector.safetensors"]);
            using var loaded = QuantizedModel.Load(folder["detector.safetensors"], ModelForward.Of(fresh));
            var (expected, found) = (oracle.Detector.call(oracle.Input(0))[0], fresh.call(oracle.Input(0))[0]);

            Assert.True(expected.Count > 0);
            TensorAssert.Identical(expected.Labels, found.Labels);
            TensorAssert.Close(expected.Scores, found.Scores, new(0, 1e-5));
            TensorAssert.Close(expected.Boxes, found.Boxes, new(0, 1e-3));
            TensorAssert.Close(expected.MaskProbabilities, found.MaskProbabilities, new(0, 1e-4));
        }

        Assert.InRange(new FileInfo(folder["detector.safetensors"]).Length, 1, new FileInfo(SharedData.Oracle(Path.Combine("detection", $"{name}.weights.safetensors"))).Length / 2);
    }

    private static InMemorySamples Samples(DetectorOracle oracle) => DetectorSamples.Collect(oracle.Detector, [oracle.Input(0), oracle.Input(1)], s_few, TestContext.Current.CancellationToken);

    private static QuantizedModel Quantize(DetectorOracle oracle, int bits, string recipe)
    {
        using var samples = Samples(oracle);
        return Quantize(oracle, bits, recipe, samples);
    }

    private static QuantizedModel Quantize(DetectorOracle oracle, int bits, string recipe, InMemorySamples samples) => Micro.Quantizer(options =>
    {
        options.Recipe = recipe;
        (options.WeightBits, options.ActivationBits) = (bits, bits);
        (options.Reconstruction.Iterations, options.Reconstruction.BatchSize) = (2, 1);
    }).Quantize(ModelForward.Of(oracle.Detector), samples, cancellationToken: TestContext.Current.CancellationToken);
}
