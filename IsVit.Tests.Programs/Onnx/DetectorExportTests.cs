using Google.Protobuf;
using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Detection.Operators;
using IsVit.Detection.Quantization;
using IsVit.Detection.Training;
using IsVit.Model;
using IsVit.Onnx;
using IsVit.Onnx.Detectors;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Schema;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Detection.Models;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Demo;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Onnx;

/// <summary>Exported detectors detect in ONNX Runtime what the library detects: the same objects in the same order.</summary>
public sealed class DetectorExportTests
{
    public static TheoryData<string> Detectors { get; } = ["mask_rcnn", "cascade_mask_rcnn"];

    /// <summary>Sides that are no multiples of 32, and maps that are no whole windows of 7.</summary>
    [Theory]
    [MemberData(nameof(Detectors))]
    public void Save_FloatDetector_DetectsTheSameAtAnySize(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var folder = new TemporaryFolder();
        using var oracle = new DetectorOracle(name);

        OnnxExport.Save(oracle.Detector, folder["detector.onnx"]);

        using var runtime = new OnnxDetector(folder["detector.onnx"]);
        AssertSame(oracle.Detector, runtime, oracle.Input(0));
        AssertSame(oracle.Detector, runtime, oracle.Input(1));
        AssertSame(oracle.Detector, runtime, Padded(Seeded.Normal(4, 1, 3, 51, 90), 32, new(51, 90, 34, 45)));
        Assert.Equal([1, 3, -1, -1], runtime.Inputs["image"].Dimensions);
    }

    // Sides of 4 x 19 and 4 x 27 pixels: maps of odd sides are filled up before they are merged, and enlarged to odd sides in the pyramid.
    [Fact]
    public void Save_FloatDetectorWithOtherPadding_DetectsTheSame()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var folder = new TemporaryFolder();
        using var oracle = new DetectorOracle("mask_rcnn");
        var preprocessing = new DetectorPreprocessing { Multiple = 4, ShortSide = 100 };

        OnnxExport.Save(oracle.Detector, folder["detector.onnx"], new() { DetectorPreprocessing = preprocessing, Metadata = new Dictionary<string, string> { ["note"] = "ü" } });

        using var runtime = new OnnxDetector(folder["detector.onnx"]);
        AssertSame(oracle.Detector, runtime, Padded(Seeded.Normal(4, 1, 3, 74, 107), 4, new(74, 107, 80, 90)));
        Assert.Equal("ü", runtime.Metadata["note"]);
        Assert.Contains("\"short_side\":100", runtime.Metadata["isvit.preprocessing"], StringComparison.Ordinal);
        Assert.Contains("\"multiple\":4", runtime.Metadata["isvit.preprocessing"], StringComparison.Ordinal);
        Assert.Equal("0.5", runtime.Metadata["isvit.mask_threshold"]);
    }

    [Theory]
    [MemberData(nameof(Detectors))]
    public void Save_DetectorThatDetectsNothing_GivesNoRows(string name)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var detector = (DetectorOracle.Options(name) with { ScoreThreshold = 1 }).Create();
        detector.eval();

        OnnxExport.Save(detector, folder["detector.onnx"]);

        using var runtime = new OnnxDetector(folder["detector.onnx"]);
        var found = runtime.Run(new DetectorInput(Seeded.Normal(3, 1, 3, 40, 64)));
        Assert.Equal([[0, 4], [0], [0], [0, 28, 28]], new[] { found.Boxes.shape, found.Scores.shape, found.Labels.shape, found.Masks.shape });
    }

    /// <summary>Nothing amplifies rounding behind a float backbone, and everything that is detected is equal. At 4 bits proposals are found in float: many scores tie there, and which of them are taken is up to the processor.</summary>
    [Theory]
    [InlineData("mask_rcnn", RecipeNames.Percentile, 8)]
    [InlineData("cascade_mask_rcnn", RecipeNames.RepQ, 4)]
    public void Save_QuantizedHeadsAndPyramid_DetectsTheSame(string name, string recipe, int bits)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var folder = new TemporaryFolder();
        using var oracle = new DetectorOracle(name);
        using var quantized = Quantize(oracle, options =>
        {
            (options.Recipe, options.WeightBits, options.ActivationBits) = (recipe, bits, bits);
            options.Overrides.Add(new SiteOverride { Pattern = "backbone.**", Quantize = false });
            if (bits == 4)
            {
                options.Overrides.Add(new SiteOverride { Pattern = "rpn_head.**", Quantize = false });
            }
        });

        OnnxExport.Save(quantized, folder["detector.onnx"]);

        using var runtime = new OnnxDetector(folder["detector.onnx"]);
        Assert.InRange(ShareOfEqual(oracle.Detector.call(oracle.Input(0))[0], runtime.Run(oracle.Input(0)), 1e-4, 5e-3), 0.9, 1);
        Assert.Equal($"{bits}", runtime.Metadata["isvit.weight_bits"]);
        Assert.Equal(recipe, runtime.Metadata["isvit.method"]);
    }

    /// <summary>Weights and activations with tables, softmax with SULQ. A quantized backbone amplifies rounding, so that ONNX Runtime detects as much of the same as the library does when its image moves a little.</summary>
    [Fact]
    public void Save_QuantizedWithTables_DetectsTheSame()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var folder = new TemporaryFolder();
        using var oracle = new DetectorOracle("mask_rcnn");
        using var quantized = Quantize(oracle, static options =>
        {
            (options.WeightBits, options.ActivationBits) = (4, 4);

            // Of each kind of layer one is enough.
            foreach (var left in (string[])["backbone.layers.1.**", "backbone.layers.2.**", "backbone.layers.3.**", "neck.**", "roi_head.mask_head.**"])
            {
                options.Overrides.Add(new SiteOverride { Pattern = left, Quantize = false });
            }
        }, StageNames.ActivationCalibration, StageNames.Reparameterization, StageNames.WeightCalibration);

        OnnxExport.Save(quantized, folder["detector.onnx"]);

        Assert.Equal(["channel-levels", "free-levels", "sulq"], quantized.QuantizedSites.Select(static binding => binding.Quantizer.Scheme).Distinct().Order(StringComparer.Ordinal));
        using var runtime = new OnnxDetector(folder["detector.onnx"]);
        var input = oracle.Input(1);
        var (expected, found) = (oracle.Detector.call(input)[0], runtime.Run(input));
        var own = ShareOfEqual(expected, oracle.Detector.call(Moved(input))[0], 0.05, 3);
        Assert.InRange(ShareOfEqual(expected, found, 0.05, 3), 0.9 * own, 1);
    }

    /// <summary>Of the trained detector, whose integer products round a number between two codes otherwise here and there: it finds far more of what the library finds than the float detector does, and much of what the library finds itself when the image moves a little.</summary>
    [Fact]
    public void Save_TrainedDetector_DetectsWhatTheLibraryDetects()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var folder = new TemporaryFolder();
        var assets = DemoAssets.Load(DemoAssets.DefaultFolder);
        using var detector = assets.LoadDetector();
        var scenes = DemoScenes.Test(assets.Test, 24).Where(static scene => scene.Objects.Count > 2).Select(static scene => SceneBatches.Input([scene])).ToList();
        var inFloat = scenes.ConvertAll(scene => detector.call(scene)[0]);
        using var samples = DetectorSamples.Collect(detector, [SceneBatches.Input(DemoScenes.Calibration(assets.Calibration, 4, seed: 1))], new() { BoxRegions = 12, MaskRegions = 4 }, TestContext.Current.CancellationToken);
        using var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.RepQ).Quantize(ModelForward.Of(detector), samples, cancellationToken: TestContext.Current.CancellationToken);

        OnnxExport.Save(quantized, folder["detector.onnx"]);

        using var runtime = new OnnxDetector(folder["detector.onnx"]);
        var (same, own, sameInFloat) = (0.0, 0.0, 0.0);
        foreach (var (scene, before) in scenes.Zip(inFloat))
        {
            var expected = detector.call(scene)[0];
            same += ShareOfEqual(expected, runtime.Run(scene), 0.05, 1.5) / scenes.Count;
            own += ShareOfEqual(expected, detector.call(Moved(scene))[0], 0.05, 1.5) / scenes.Count;
            sameInFloat += ShareOfEqual(expected, before, 0.05, 1.5) / scenes.Count;
        }

        Assert.True(same >= 0.5 * own && same >= 1.5 * sameInFloat, FormattableString.Invariant($"{same} of the objects are the same, {own} when the image moves, and {sameInFloat} the float detector's."));
    }

    /// <summary>Activations in float, so that nothing rounds but the weights.</summary>
    [Fact]
    public void Save_WeightsWithLevels_DetectsTheSame()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var folder = new TemporaryFolder();
        using var oracle = new DetectorOracle("mask_rcnn");
        using var quantized = Quantize(oracle, options =>
        {
            (options.Recipe, options.WeightBits) = (RecipeNames.WeightOnly, 4);
            options.Overrides.Add(new SiteOverride { Pattern = "**", Operand = SiteOperand.Weight, Scheme = "free-levels", Granularity = "channel:0" });
        }, StageNames.WeightCalibration);

        OnnxExport.Save(quantized, folder["detector.onnx"]);

        using var runtime = new OnnxDetector(folder["detector.onnx"]);
        AssertSame(oracle.Detector, runtime, oracle.Input(0));
    }

    /// <summary>Layers that run several times have their constants once, as integers; and ONNX Runtime quantizes no kernel anew.</summary>
    [Fact]
    public void Save_QuantizedDetector_HoldsEveryWeightOnceAndKeepsIt()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var oracle = new DetectorOracle("mask_rcnn");
        using var quantized = Quantize(oracle, options => (options.Recipe, options.WeightBits, options.ActivationBits) = (RecipeNames.MinMax, 4, 8));

        OnnxExport.Save(quantized, folder["detector.onnx"]);

        var weights = quantized.QuantizedSites.Count(static binding => binding.IsWeight);
        var constants = OnnxModelInfo.Read(folder["detector.onnx"]).Constants;
        var codes = constants.Where(static constant => constant.Type == "uint8" && constant.Name.EndsWith(".weight", StringComparison.Ordinal)).ToList();
        Assert.Equal(weights + (2 * 6), codes.Count); // queries, keys and values are three constants in each of six blocks
        Assert.Equal(3, constants.Count(static constant => constant.Name.StartsWith("rpn_head.", StringComparison.Ordinal) && constant.Name.Contains(".weight", StringComparison.Ordinal) && constant.Type == "uint8"));

        using (new OnnxModel(folder["detector.onnx"], optimized: folder["optimized.onnx"]))
        {
        }

        var operators = OnnxModelInfo.Read(folder["optimized.onnx"]).Operators.ToDictionary();
        Assert.DoesNotContain("QLinearConv", operators.Keys);
        Assert.DoesNotContain("QGemm", operators.Keys);
        Assert.InRange(operators["MatMulIntegerToFloat"], 4, int.MaxValue);
    }

    /// <summary>Corners are whole numbers, so that scores tie, overlaps are exactly at the threshold, and boxes have no area.</summary>
    [Theory]
    [InlineData(0.5, null)]
    [InlineData(0.25, 0.3)]
    public void Keep_TiesAndBorders_KeepsWhatTheLibraryKeeps(double overlap, double? threshold)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        const int Count = 400;
        var corners = (Seeded.Normal(1, Count, 4) * 4).round().abs();
        var boxes = cat([corners.narrow(1, 0, 2), corners.narrow(1, 0, 2) + corners.narrow(1, 2, 2)], 1);
        var scores = (Seeded.Normal(2, Count) * 10).round().abs() / 20;
        var labels = arange(Count).remainder(3);
        var graph = new OnnxGraph("suppression");
        var nodes = new BoxNodes(graph);
        var input = graph.Input("x", ["boxes", 6]);
        string Columns(long first, long end) => graph.Add("Slice", [input, graph.Integers(first), graph.Integers(end), graph.Integers(1)]);
        var kept = nodes.Keep(
            graph.Add("Add", [Columns(0, 4), nodes.Offsets(Columns(5, 6), Columns(0, 4))]),
            graph.Add("Reshape", [Columns(4, 5), graph.Integers(-1)]),
            overlap,
            60,
            (float?)threshold);
        graph.Output(graph.Floats(kept), "kept", TensorProto.Types.DataType.Float, ["kept"]);
        File.WriteAllBytes(folder["suppression.onnx"], graph.Model().ToByteArray());

        using var runtime = new OnnxModel(folder["suppression.onnx"]);
        var found = runtime.Run(cat([boxes, scores.unsqueeze(1), labels.to(float32).unsqueeze(1)], 1));

        var expected = NonMaxSuppression.KeepByLabel(boxes, scores, labels, overlap, 60, threshold).data<long>().ToArray();
        Assert.InRange(expected.Length, 20, 60);
        Assert.Equal(expected, Array.ConvertAll(found.data<float>().ToArray(), static index => (long)index));
    }

    /// <summary>Without reparameterization, inputs of normalized tokens have a table for each channel.</summary>
    [Fact]
    public void Save_TablesOfChannels_IsRefusedByTheNameOfTheSite()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var oracle = new DetectorOracle("mask_rcnn");
        using var quantized = Quantize(oracle, static options => (options.WeightBits, options.ActivationBits) = (4, 4), StageNames.ActivationCalibration, StageNames.WeightCalibration);

        var error = Assert.Throws<OnnxExportException>(() => OnnxExport.Save(quantized, folder["detector.onnx"]));

        Assert.Contains("Site 'backbone.layers.0.blocks.0.mlp.fc1': a 'free-levels' quantizer", error.Message, StringComparison.Ordinal);
        Assert.Contains("expected a uniform one, or one with a table for the tensor", error.Message, StringComparison.Ordinal);
        Assert.Empty(folder.Entries);
    }

    [Fact]
    public void Save_PaddingToMultiplesOfNothing_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var detector = DetectorOracle.Options("mask_rcnn").Create();

        var error = Assert.Throws<ArgumentOutOfRangeException>(() => OnnxExport.Save(detector, folder["detector.onnx"], new() { DetectorPreprocessing = new() { Multiple = 0 } }));

        Assert.Contains("DetectorPreprocessing.Multiple", error.Message, StringComparison.Ordinal);
        Assert.Empty(folder.Entries);
    }

    // By some of a recipe's stages, or by all.
    private static QuantizedModel Quantize(DetectorOracle oracle, Action<QuantizationOptions> configure, params string[] stages)
    {
        using var samples = DetectorSamples.Collect(oracle.Detector, [oracle.Input(0)], new() { BoxRegions = 12, MaskRegions = 4 }, TestContext.Current.CancellationToken);
        var quantizer = stages.Length > 0 ? Micro.Quantizer(stages, [], configure) : Micro.Quantizer(configure);
        return quantizer.Quantize(ModelForward.Of(oracle.Detector), samples, cancellationToken: TestContext.Current.CancellationToken);
    }

    private static DetectorInput Padded(Tensor image, long multiple, ImageGeometry geometry)
    {
        long Missing(long side) => (multiple - (side % multiple)) % multiple;
        return new(nn.functional.pad(image, [0, Missing(image.shape[3]), 0, Missing(image.shape[2])]), [geometry]);
    }

    // How many of the expected objects are among those that were found.
    // As far as float32 rounds.
    private static DetectorInput Moved(DetectorInput input) => new(input.Images * (1 + (1e-6f * Seeded.Normal(5, input.Images.shape))), input.Geometries);

    private static double ShareOfEqual(DetectionResult expected, DetectionResult found, double score, double box) =>
        ShareOfEqual(expected, (found.Boxes, found.Scores, found.Labels, found.MaskProbabilities), score, box);

    private static double ShareOfEqual(DetectionResult expected, (Tensor Boxes, Tensor Scores, Tensor Labels, Tensor Masks) found, double score, double box)
    {
        Assert.True(expected.Count > 5);
        return Enumerable.Range(0, expected.Count).Average(i => found.Labels.eq(expected.Labels[i])
            .logical_and((found.Scores - expected.Scores[i]).abs().lt(score))
            .logical_and((found.Boxes - expected.Boxes[i]).abs().amax([1]).lt(box))
            .any().item<bool>() ? 1.0 : 0.0);
    }

    private static void AssertSame(Detector detector, OnnxDetector runtime, DetectorInput input)
    {
        using var expected = detector.call(input)[0];
        var found = runtime.Run(input);
        Assert.True(expected.Count > 5);

        // Rounding may exchange two whose scores are equal but for it.
        var scores = found.Scores.data<float>().ToArray();
        Assert.All(scores.Skip(1).Zip(scores), static pair => Assert.True(pair.First <= pair.Second));
        Assert.Equal(expected.Count, scores.Length);
        var places = new List<int>();
        for (var i = 0; i < expected.Count; i++)
        {
            var distances = (found.Boxes - expected.Boxes[i]).abs().amax([1]).Plus((found.Scores - expected.Scores[i]).abs() * 1000).Plus(found.Labels.ne(expected.Labels[i]).to(float32) * 1000);
            places.Add((int)distances.argmin().item<long>());
            Assert.InRange(Math.Abs(scores[i] - scores[places[i]]), 0, 1e-5);
        }

        var order = tensor(places.Select(static place => (long)place).ToArray());
        found = (found.Boxes[order], found.Scores[order], found.Labels[order], found.Masks[order]);
        Assert.Equal(expected.Labels.data<long>().ToArray(), found.Labels.data<long>().ToArray());
        TensorAssert.Close(expected.Scores, found.Scores, new(0, 1e-4));
        TensorAssert.Close(expected.Boxes, found.Boxes, new(0, 5e-3));
        TensorAssert.Close(expected.MaskProbabilities, found.Masks, new(0, 1e-3));
    }
}
