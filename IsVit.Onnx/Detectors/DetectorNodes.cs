using System.Globalization;
using IsVit.Detection.Models;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Models;

namespace IsVit.Onnx.Detectors;

/// <summary>The nodes of a detector, for one image of any size.</summary>
/// <param name="layers">Makes the layers.</param>
/// <param name="detector">The detector.</param>
/// <param name="multiple">What the sides of images are filled up to multiples of.</param>
internal sealed class DetectorNodes(LayerNodes layers, Detector detector, int multiple)
{
    private readonly OnnxGraph _graph = layers.Graph;
    private readonly BoxNodes _boxes = new(layers.Graph);
    private readonly DetectorOptions _options = detector.Options;

    /// <summary>Adds all of them.</summary>
    /// <param name="image">[1, channels, height, width], without padding.</param>
    /// <param name="scale">Two numbers: pixels of <paramref name="image"/> per pixel of the original, along x and y.</param>
    public DetectedObjects Add(string image, string scale)
    {
        _graph.Enter("");
        var size = _graph.SizeOf(image, 2);
        var limits = _graph.Floats(_graph.Joined(size.Columns, size.Rows, size.Columns, size.Rows));
        var scales = _graph.Joined(scale, scale);
        var padded = _graph.Filled(image, multiple);
        if (multiple % _options.Backbone.PatchSize != 0)
        {
            padded = _graph.Filled(padded, _options.Backbone.PatchSize);
        }

        var maps = new SwinBackboneNodes(layers, detector.Backbone, _options.Backbone).Add(padded);
        var levels = new FeaturePyramidNodes(layers, detector.Neck).Add(maps);
        var proposals = new ProposalNodes(layers, detector).Add(levels, limits);
        var regions = new RegionNodes(_graph, detector, levels);
        var (boxes, scores, labels) = Select(regions, proposals, limits, scales);
        return new(boxes, scores, labels, Masks(regions, boxes, labels, scales));
    }

    // Classifies stage by stage; then everything as in NonMaxSuppression.MultiClass, on the boxes of all classes.
    private (string Boxes, string Scores, string Labels) Select(RegionNodes regions, string boxes, string limits, string scales)
    {
        var (heads, classes) = (new BoxHeadNodes(layers), _options.ClassCount);
        string? sum = null;
        string decoded = "";
        for (var i = 0; i < detector.BoxHeads.Count; i++)
        {
            var (head, path) = (detector.BoxHeads[i], PathOf("bbox_head", i));
            _graph.Enter(path);
            var pooled = regions.Pool(boxes, _options.BoxFeatureSize);
            var (logits, deltas) = heads.Add(path, head, pooled.Features);
            _graph.Enter(path);
            (logits, deltas) = (regions.InOrder(pooled, logits), regions.InOrder(pooled, deltas));
            sum = sum is null ? logits : _graph.Add("Add", [sum, logits]);
            if (i < detector.BoxHeads.Count - 1)
            {
                // By the differences of the best class other than the background.
                var objects = _graph.Add("Slice", [logits, _graph.Integers(0), _graph.Integers(classes), _graph.Integers(1)]);
                var best = _graph.Add("ArgMax", [objects], OnnxGraph.Attribute("axis", 1L), OnnxGraph.Attribute("keepdims", 0L));
                boxes = _boxes.Decode(head.Coder, boxes, _boxes.OfClass(deltas, best, classes, 4), limits);
            }
            else
            {
                var ofClasses = _graph.Add("Reshape", [deltas, _graph.Integers(-1, classes, 4)]);
                decoded = _boxes.Decode(head.Coder, _graph.Add("Unsqueeze", [boxes, _graph.Integers(1)]), ofClasses, limits);
            }
        }

        _graph.Enter("");
        var mean = detector.BoxHeads.Count == 1 ? sum! : _graph.Add("Div", [sum!, _graph.Number(detector.BoxHeads.Count)]);
        var probabilities = _graph.Add("Softmax", [mean], OnnxGraph.Attribute("axis", 1L));
        var scores = _graph.Add("Slice", [probabilities, _graph.Integers(0), _graph.Integers(classes), _graph.Integers(1)]);
        var original = _graph.Add("Div", [decoded, scales]);

        // Only what may be detected counts for the largest coordinate; others count as 0, which no coordinate is below.
        var threshold = Below(_options.ScoreThreshold);
        var may = _graph.Add("Unsqueeze", [_graph.Add("Greater", [scores, _graph.Number(threshold)]), _graph.Integers(2)]);
        float[] numbers = [.. Enumerable.Range(0, classes)];
        var offsets = _boxes.Offsets(_graph.Numbers(numbers, classes, 1), _graph.Add("Where", [may, original, _graph.Number(0)]));
        var apart = _graph.Add("Reshape", [_graph.Add("Add", [original, offsets]), _graph.Integers(-1, 4)]);
        var rated = _graph.Add("Reshape", [scores, _graph.Integers(-1)]);
        var kept = _boxes.Keep(apart, rated, _options.DetectionOverlap, _options.DetectionCount, threshold);
        var all = _graph.Add("Reshape", [original, _graph.Integers(-1, 4)]);
        return (_boxes.Rows(all, kept), _boxes.Rows(rated, kept), _graph.Add("Mod", [kept, _graph.Integers(classes)]));
    }

    private string Masks(RegionNodes regions, string boxes, string labels, string scales)
    {
        _graph.Enter("roi_head.mask_head");
        var pooled = regions.Pool(_graph.Add("Mul", [boxes, scales]), _options.MaskFeatureSize);
        var own = regions.ByLevel(pooled, labels);
        var (heads, side) = (new MaskHeadNodes(layers), 2L * _options.MaskFeatureSize);
        string? sum = null;
        for (var i = 0; i < detector.MaskHeads.Count; i++)
        {
            var path = PathOf("mask_head", i);
            var logits = heads.Add(path, detector.MaskHeads[i], pooled.Features);
            _graph.Enter(path);
            var probabilities = _graph.Add("Sigmoid", [_boxes.OfClass(logits, own, _options.ClassCount, side, side)]);
            sum = sum is null ? probabilities : _graph.Add("Add", [sum, probabilities]);
        }

        var mean = detector.MaskHeads.Count == 1 ? sum! : _graph.Add("Div", [sum!, _graph.Number(detector.MaskHeads.Count)]);
        return regions.InOrder(pooled, mean);
    }

    private string PathOf(string kind, int stage) => detector is MaskRcnn ? $"roi_head.{kind}" : string.Create(CultureInfo.InvariantCulture, $"roi_head.{kind}.{stage}");

    // The largest float32 number that is not above another: what exceeds either exceeds both.
    private static float Below(double number) => (float)number > number ? float.BitDecrement((float)number) : (float)number;
}
