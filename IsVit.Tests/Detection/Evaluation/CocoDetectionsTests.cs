using IsVit.Detection.Coco;
using IsVit.Detection.Evaluation;
using IsVit.Tests.Detection.Models;
using TorchSharp;

namespace IsVit.Tests.Detection.Evaluation;

public sealed class CocoDetectionsTests
{
    /// <summary>What a detector found, as ground truth of itself, is found with the best score there is.</summary>
    [Fact]
    public void Of_Detections_ScoreFullyAgainstThemselves()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = new DetectorOracle("mask_rcnn");
        long[] ids = [3, 5, 8, 13, 21];
        var results = Enumerable.Range(0, 2).SelectMany(image => CocoDetections.Of(oracle.Detector.call(oracle.Input(image))[0], 100 + image, ids)).ToList();
        Assert.Equal(39 + 24, results.Count);
        Assert.Equal(oracle.Expected("image1/det_labels").data<long>().ToArray().Select(label => ids[label]), results.Skip(39).Select(static result => result.CategoryId));
        var box = oracle.Expected("image0/det_boxes")[0].data<float>().ToArray();
        Assert.Equal(box[2] - box[0], results[0].Box!.Value.Width, 0.05);
        Assert.Equal(box[1], results[0].Box!.Value.Y, 0.05);
        var areas = oracle.Expected("image0/mask_areas").data<long>().ToArray();
        Assert.All(Enumerable.Range(0, 39), i => Assert.InRange(results[i].Segmentation!.Mask!.Area, areas[i] - 5, areas[i] + 5));

        var visible = results.Where(static result => result.Box is { Width: > 0, Height: > 0 } && result.Segmentation!.Mask!.Area > 0).ToList();
        var truth = new CocoDataset(
            [new CocoImage(100, "a", 135, 100), new CocoImage(101, "b", 106, 120)],
            [.. ids.Reverse().Select(static id => new CocoCategory(id, FormattableString.Invariant($"class {id}")))],
            [.. visible.Select(static (result, i) => new CocoAnnotation(i + 1, result.ImageId, result.CategoryId, result.Box!.Value, result.Segmentation!.Mask!.Area, Segmentation: result.Segmentation))]);
        Assert.Equal(ids, CocoDetections.CategoryIds(truth));
        Assert.Equal(1, CocoEvaluator.Evaluate(truth, visible, CocoOverlap.Boxes).AP, 1e-9);
        Assert.Equal(1, CocoEvaluator.Evaluate(truth, visible, CocoOverlap.Masks).AP, 1e-9);
    }

    [Fact]
    public void Of_TooFewCategories_NamesTheLabel()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = new DetectorOracle("mask_rcnn");
        var error = Assert.Throws<ArgumentException>(() => CocoDetections.Of(oracle.Detector.call(oracle.Input(0))[0], 1, [1]));

        Assert.Contains("there are ids for 1 classes", error.Message, StringComparison.Ordinal);
    }
}
