using IsVit.Detection.Models;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Models;

/// <summary>Detectors give what MMDetection's own code gives for the same weights and pictures.</summary>
public sealed class DetectorOracleTests
{
    public static TheoryData<string, int> Cases { get; } = new() { { "mask_rcnn", 0 }, { "mask_rcnn", 1 }, { "cascade_mask_rcnn", 0 }, { "cascade_mask_rcnn", 1 } };

    [Theory]
    [InlineData("mask_rcnn", 0)]
    [InlineData("mask_rcnn", 1)]
    [InlineData("cascade_mask_rcnn", 0)]
    public void Features_OfAPicture_EqualMmdetections(string name, int image)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = new DetectorOracle(name);
        var maps = oracle.Detector.Backbone.call(oracle.Input(image).Images);
        var levels = oracle.Detector.Neck.call(maps);
        for (var i = 0; i < maps.Length; i++)
        {
            Close(oracle, $"image{image}/backbone.{i}", maps[i], 2e-4);
        }

        var (scores, deltas) = oracle.Detector.ProposalHead.call(levels);
        for (var i = 0; i < levels.Length; i++)
        {
            Close(oracle, $"image{image}/fpn.{i}", levels[i], 3e-4);
            Close(oracle, $"image{image}/rpn_cls.{i}", scores[i], 5e-4);
            Close(oracle, $"image{image}/rpn_reg.{i}", deltas[i], 5e-4);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Regions_OfAPicture_EqualMmdetections(string name, int image)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = new DetectorOracle(name);
        var (detector, input) = (oracle.Detector, oracle.Input(image));
        var pyramid = detector.Pyramid(input.Images);
        var regions = detector.Propose(pyramid, input);
        var found = detector.Classify(pyramid, regions, input);

        CloseBoxes(oracle, $"image{image}/proposals", regions[0]);
        for (var i = 0; i < found.Stages.Count; i++)
        {
            var prefix = found.Stages.Count == 1 ? $"image{image}/" : $"image{image}/stage{i}.";
            var stage = found.Stages[i];
            TensorAssert.Close(oracle.Expected(prefix + "rois"), stage.Rois, new(0, 0.02));
            Assert.Equal(oracle.Expected(prefix + "roi_levels").data<long>().ToArray(), IsVit.Detection.Operators.RoiLevels.Of(stage.Rois, 4).data<long>().ToArray());
            var features = oracle.Expected(prefix + "roi_feats");
            TensorAssert.Close(features, stage.Features.narrow(0, 0, features.shape[0]), new(0, 1e-3));
            Close(oracle, prefix + "cls_score", stage.Scores[0], 1e-3);
            Close(oracle, prefix + "bbox_pred", stage.Deltas[0], 1e-3);
        }

        Close(oracle, $"image{image}/class_probs", found.Probabilities(0), 2e-4);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Call_WithAPicture_DetectsWhatMmdetectionDetects(string name, int image)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = new DetectorOracle(name);
        var result = Assert.Single(oracle.Detector.call(oracle.Input(image)));

        Same(oracle, $"image{image}/", result);
        var masks = result.Masks();
        var expected = oracle.Expected($"image{image}/masks");
        var different = masks.narrow(0, 0, expected.shape[0]).ne(expected).to(torch.ScalarType.Int64).sum([1, 2]);
        Assert.All(different.data<long>().ToArray(), static count => Assert.InRange(count, 0, 5));
        var areas = masks.to(torch.ScalarType.Int64).sum([1, 2]);
        TensorAssert.Close(oracle.Expected($"image{image}/mask_areas"), areas, new(0, 5));
        if (name == "cascade_mask_rcnn")
        {
            Close(oracle, $"image{image}/mask_probs", result.MaskProbabilities, 1e-3);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void MaskLogits_OfAPicturesRegions_EqualMmdetections(string name, int image)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = new DetectorOracle(name);
        var detector = oracle.Detector;
        var pyramid = detector.Pyramid(oracle.Input(image).Images);
        var rois = oracle.Expected($"image{image}/mask_rois");
        var features = oracle.Expected($"image{image}/mask_roi_feats");
        TensorAssert.Close(features, detector.Pool(pyramid, rois, 14).narrow(0, 0, features.shape[0]), new(0, 2e-3));
        var logits = detector.MaskLogits(pyramid, rois);
        for (var i = 0; i < logits.Length; i++)
        {
            var expected = logits.Length == 1 ? $"image{image}/mask_logits_all" : $"image{image}/stage{i}.mask_logits_all";
            Close(oracle, expected, logits[i].narrow(0, 0, 2), 5e-3);
        }
    }

    /// <summary>Results on the resized picture.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Call_WithoutResizing_DetectsOnTheNetworksInput(string name, int image)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = new DetectorOracle(name);
        var result = Assert.Single(oracle.Detector.call(oracle.Input(image, rescale: false)));

        Same(oracle, $"image{image}/norescale.", result);
        TensorAssert.Close(oracle.Expected($"image{image}/norescale.mask_areas"), result.Masks().to(torch.ScalarType.Int64).sum([1, 2]), new(0, 5));
    }

    [Theory]
    [InlineData("mask_rcnn")]
    [InlineData("cascade_mask_rcnn")]
    public void Call_WithABatchOfPaddedPictures_DetectsWhatMmdetectionDetects(string name)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = new DetectorOracle(name);
        var results = oracle.Detector.call(oracle.Batch());

        Assert.Equal(2, results.Count);
        SameInAnyOrder(oracle, "batch/image0/", results[0]);
        SameInAnyOrder(oracle, "batch/image1/", results[1]);
    }

    private static void Same(DetectorOracle oracle, string prefix, DetectionResult result)
    {
        Assert.Equal(oracle.Expected(prefix + "det_labels").data<long>().ToArray(), result.Labels.data<long>().ToArray());
        Close(oracle, prefix + "det_scores", result.Scores, 2e-4);
        Close(oracle, prefix + "det_boxes", result.Boxes, 0.02);
    }

    // Regions without height have equal scores: MMCV's sort, which is not stable, orders them anyhow, and the limit of detections cuts through them.
    private static void SameInAnyOrder(DetectorOracle oracle, string prefix, DetectionResult result)
    {
        var expected = Rows(oracle.Expected(prefix + "det_labels"), oracle.Expected(prefix + "det_scores"), oracle.Expected(prefix + "det_boxes"));
        var found = Rows(result.Labels, result.Scores, result.Boxes);
        Assert.Equal(expected.Select(static row => row[0]), found.Select(static row => row[0]));
        var last = expected.Min(static row => row[1]);
        var isCut = expected.Count == oracle.Detector.Options.DetectionCount && expected.Count(row => row[1] < last + 1e-6) > 1;
        foreach (var wanted in expected.Where(row => !isCut || row[1] >= last + 1e-6))
        {
            var match = found.FindIndex(row => row[0] == wanted[0] && Math.Abs(row[1] - wanted[1]) <= 2e-4 && row.Zip(wanted).Skip(2).All(static pair => Math.Abs(pair.First - pair.Second) <= 0.02));
            Assert.True(match >= 0, $"{string.Join(", ", wanted)} is not among the detections.");
            found.RemoveAt(match);
        }
    }

    private static List<double[]> Rows(torch.Tensor labels, torch.Tensor scores, torch.Tensor boxes)
    {
        var rows = torch.cat([labels.to(torch.ScalarType.Float64).unsqueeze(1), scores.to(torch.ScalarType.Float64).unsqueeze(1), boxes.to(torch.ScalarType.Float64)], 1);
        return [.. Enumerable.Range(0, (int)rows.shape[0]).Select(i => rows[i].data<double>().ToArray())];
    }

    private static void CloseBoxes(DetectorOracle oracle, string name, torch.Tensor boxes)
    {
        var expected = oracle.Expected(name);
        TensorAssert.Close(expected.narrow(1, 0, 4), boxes.narrow(1, 0, 4), new(0, 0.02));
        TensorAssert.Close(expected.narrow(1, 4, 1), boxes.narrow(1, 4, 1), new(0, 1e-4));
    }

    private static void Close(DetectorOracle oracle, string name, torch.Tensor actual, double tolerance) => TensorAssert.Close(oracle.Expected(name), actual, new(0, tolerance));
}
