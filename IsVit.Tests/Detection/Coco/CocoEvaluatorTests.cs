using IsVit.Detection.Coco;
using IsVit.Detection.Masks;

namespace IsVit.Tests.Detection.Coco;

public sealed class CocoEvaluatorTests
{
    private static readonly CocoImage[] Images = [new(1, "1", 100, 100), new(2, "2", 100, 100)];
    private static readonly CocoCategory[] Categories = [new(1, "cat"), new(2, "dog")];
    private static readonly CocoBox Box = new(10, 10, 20, 20);
    private static readonly CocoBox Other = new(60, 60, 20, 20);

    [Fact]
    public void Evaluate_EverythingFound_Scores1()
    {
        var scores = CocoEvaluator.Evaluate(Truth(new(1, 1, 1, Box, 400), new(2, 2, 2, Other, 400)), [new(1, 1, .5, Box), new(2, 2, .2, Other)], CocoOverlap.Boxes);

        Assert.Equal((1, 1, 1, 1, -1), (Rounded(scores.AP), Rounded(scores.AP50), Rounded(scores.APs), Rounded(scores.AR1), scores.APl));
        Assert.Equal(["cat", "dog"], scores.Categories.Select(static c => c.Category.Name));
        Assert.StartsWith("boxes, %\nAP       100.00\nAP50     100.00\n", scores.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("\n 100.00 100.00 100.00 100.00  2 dog", scores.ToString(), StringComparison.Ordinal);
        Assert.Contains("\nAPm           -\n", scores.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Evaluate_NoResults_ScoresZeroWhereThereAreObjects()
    {
        var scores = CocoEvaluator.Evaluate(Truth(new CocoAnnotation(1, 1, 1, Box, 400)), [], CocoOverlap.Boxes);

        Assert.Equal((0, 0, -1), (scores.AP, scores.AR100, scores.Categories[1].AP));
    }

    [Fact]
    public void Evaluate_ObjectWithTheId0_CountsItsDetectionAsWrong()
    {
        CocoResult[] results = [new(1, 1, .9, Box)];

        Assert.Equal(1, Rounded(CocoEvaluator.Evaluate(Truth(new CocoAnnotation(1, 1, 1, Box, 400)), results, CocoOverlap.Boxes).AP));
        Assert.Equal(0, CocoEvaluator.Evaluate(Truth(new CocoAnnotation(0, 1, 1, Box, 400)), results, CocoOverlap.Boxes).AP);
    }

    [Fact]
    public void Evaluate_WithoutCategories_MatchesAcrossThem()
    {
        var dataset = Truth(new(1, 1, 1, Box, 400), new(2, 2, 2, Other, 400));
        CocoResult[] results = [new(1, 2, .9, Box), new(2, 1, .8, Other), new(1, 7, 1, Other)];

        var scores = CocoEvaluator.Evaluate(dataset, results, CocoOverlap.Boxes, new() { UseCategories = false });

        Assert.Equal((1, 0), (Rounded(scores.AP), scores.Categories.Count));
        Assert.Equal(0, CocoEvaluator.Evaluate(dataset, results, CocoOverlap.Boxes).AP);
        Assert.Equal("1 x results of a category that is not listed; they are ignored (3)", Assert.Single(scores.Warnings).ToString());
    }

    [Fact]
    public void Evaluate_OtherOptions_NamesWhatTheyGive()
    {
        var options = new CocoEvaluationOptions
        {
            IouThresholds = [.5, .6],
            MaxDetections = [2, 300],
            AreaRanges = [new("all", 0, 1e10), new("tiny", 0, 100), new("large", 100, 1e10)],
        };

        // Overlap 0.55 with the object; a detection that is sure and wrong before it.
        var scores = CocoEvaluator.Evaluate(Truth(new CocoAnnotation(1, 1, 1, Box, 400)), [new(1, 1, .8, Box with { Width = 11 }), new(1, 1, .9, Other)], CocoOverlap.Boxes, options);

        Assert.Equal(["AP", "AP50", "APtiny", "APl", "AR2", "AR300", "ARtiny", "ARl"], scores.Summary.Select(static pair => pair.Key));
        Assert.Equal([.25, .5, -1, .25, .5, .5, -1, .5], scores.Summary.Select(static pair => Rounded(pair.Value)));
        Assert.Equal((-1, -1, -1), (scores.AP75, scores.AR100, scores.APs));
    }

    [Fact]
    public void Evaluate_MaskOfAnotherSize_IsNotMatchedAndWarned()
    {
        var dataset = Truth(new CocoAnnotation(1, 1, 1, Box, 400, Segmentation: new(RunLengthMask.FromBox(Box, 100, 100))));

        var scores = CocoEvaluator.Evaluate(dataset, [new(1, 1, .9, Segmentation: new(RunLengthMask.FromBox(Box, 90, 100)))], CocoOverlap.Masks);

        Assert.Equal(0, scores.AP);
        Assert.StartsWith("1 x results whose mask has another size", Assert.Single(scores.Warnings).ToString(), StringComparison.Ordinal);
        Assert.Equal(1, Rounded(CocoEvaluator.Evaluate(dataset, [new(1, 1, .9, Segmentation: new(RunLengthMask.FromBox(Box, 100, 100)))], CocoOverlap.Masks).AP));
    }

    [Fact]
    public void Evaluate_MasksOfBoxResults_AreTheirRectangles()
    {
        var dataset = Truth(new CocoAnnotation(1, 1, 1, Box, 400, Segmentation: new([[10, 10, 30, 10, 30, 30, 10, 30]])));

        Assert.Equal(1, Rounded(CocoEvaluator.Evaluate(dataset, [new(1, 1, .9, Box)], CocoOverlap.Masks).AP));
    }

    [Fact]
    public void Evaluate_WhatPycocotoolsFailsAt_NamesTheEntry()
    {
        var box = new CocoResult(1, 1, .9, Box);
        var mask = new CocoResult(1, 1, .9, Segmentation: new(RunLengthMask.FromBox(Box, 100, 100)));
        var annotation = new CocoAnnotation(5, 1, 1, Box, 400);
        CocoDataset Outlined(params double[][] polygons) => Truth(annotation with { Segmentation = new(polygons) });

        Throws("result 2: expected an image that the dataset lists, found image 3.", Truth(annotation), [box, box with { ImageId = 3 }], CocoOverlap.Boxes);
        Throws("result 2: expected a box, as the first result has one, found none.", Truth(annotation), [box, mask], CocoOverlap.Boxes);
        Throws("result 2: expected a segmentation, as the first result has one and no box, found none.", Truth(annotation), [mask, box], CocoOverlap.Boxes);
        Throws("result 1: expected a finite score and box, found NaN and [10, 10, 20, 20].", Truth(annotation), [box with { Score = double.NaN }], CocoOverlap.Boxes);
        Throws("result 1: expected a box or a segmentation, found neither.", Truth(annotation), [new(1, 1, .9)], CocoOverlap.Boxes);
        Throws("annotation 5: expected a segmentation, to evaluate masks, found none.", Truth(annotation), [box], CocoOverlap.Masks);
        Throws("annotation 5: expected a segmentation, to evaluate masks, found a first polygon of less than three corners.", Outlined([1, 2, 3, 4]), [box], CocoOverlap.Masks);
        Throws("annotation 5: Coordinate 1 of the polygon is 1000000000; expected", Outlined([1, 1e9, 3, 4, 5, 6]), [box], CocoOverlap.Masks);
        var unknown = new CocoDataset([new(1, "1", 0, 0)], Categories, [annotation with { Segmentation = new([[1, 2, 3, 4, 5, 6]]) }]);
        Throws("annotation 5: expected a segmentation, to evaluate masks, found polygons in image 1 of unknown size.", unknown, [mask], CocoOverlap.Masks);
        Throws("result 1: expected an image of known size, to make a mask, found image 1 without width and height.", new([new(1, "1", 0, 0)], Categories, []), [box], CocoOverlap.Masks);
    }

    [Fact]
    public void Options_OutOfRange_Throw()
    {
        Assert.Equal("IouThresholds is 0.5, 0.5; allowed is one number at least, numbers above 0 to 1, ascending.", Assert.Throws<ArgumentException>(() => new CocoEvaluationOptions { IouThresholds = [.5, .5] }).Message);
        Assert.Throws<ArgumentException>(() => new CocoEvaluationOptions { IouThresholds = [0, .5] });
        Assert.Throws<ArgumentException>(() => new CocoEvaluationOptions { RecallThresholds = [0, 1.5] });
        Assert.Throws<ArgumentException>(() => new CocoEvaluationOptions { MaxDetections = [] });
        Assert.Throws<ArgumentException>(() => new CocoEvaluationOptions { AreaRanges = [new("all", 0, 1), new("all", 1, 2)] });
        Assert.Throws<ArgumentException>(() => new CocoEvaluationOptions { AreaRanges = [new("all", 2, 1)] });
    }

    // The precision of a single right detection is 1 less one part in 2^52.
    private static double Rounded(double value) => Math.Round(value, 12);

    private static CocoDataset Truth(params CocoAnnotation[] annotations) => new(Images, Categories, annotations);

    private static void Throws(string message, CocoDataset dataset, CocoResult[] results, CocoOverlap overlap)
        => Assert.StartsWith(message, Assert.Throws<CocoException>(() => CocoEvaluator.Evaluate(dataset, results, overlap)).Message, StringComparison.Ordinal);
}
