using IsVit.Detection.Models;
using IsVit.Detection.Operators;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Models;

namespace IsVit.Onnx.Detectors;

/// <summary>The nodes that propose regions: the network, which runs on each level with the same constants, the best anchors of each level, and those that no better one of their level overlaps.</summary>
/// <param name="layers">Makes the layers.</param>
/// <param name="detector">The detector.</param>
internal sealed class ProposalNodes(LayerNodes layers, Detector detector)
{
    private const string Path = "rpn_head";

    private readonly OnnxGraph _graph = layers.Graph;
    private readonly BoxNodes _boxes = new(layers.Graph);
    private readonly AnchorGenerator _anchors = detector.Proposals.Anchors;

    /// <summary>Adds all of them.</summary>
    /// <param name="levels">[1, channels, rows, columns], finest first.</param>
    /// <param name="limits">Four numbers that corners are clipped to.</param>
    /// <returns>[regions, 4], best first.</returns>
    public string Add(string[] levels, string limits)
    {
        var (head, options) = (detector.ProposalHead, detector.Options);
        var shared = layers.Convolution($"{Path}.rpn_conv", head.RpnConv);
        var (classify, correct) = (layers.Convolution($"{Path}.rpn_cls", head.RpnCls), layers.Convolution($"{Path}.rpn_reg", head.RpnReg));
        var (boxes, scores, numbers) = (new string[levels.Length], new string[levels.Length], new string[levels.Length]);
        for (var i = 0; i < levels.Length; i++)
        {
            var x = _graph.Add("Relu", [shared(levels[i])]);
            var (logits, deltas) = (classify(x), correct(x));
            _graph.Enter(Path);
            var all = Probabilities(_graph.Add("Reshape", [CellsFirst(logits), _graph.Integers(-1)]));
            var count = _graph.Add("Min", [_graph.CountOf(all), _graph.Integers(options.AnchorsPerLevel)]);
            var best = _graph.Add(2, "TopK", [all, count], OnnxGraph.Attribute("axis", 0L));
            var corrections = _boxes.Rows(_graph.Add("Reshape", [CellsFirst(deltas), _graph.Integers(-1, 4)]), best[1]);
            scores[i] = best[0];
            boxes[i] = _boxes.Decode(detector.Proposals.Coder, _boxes.Rows(Anchors(i, logits), best[1]), corrections, limits);
            numbers[i] = _graph.Add("Expand", [_graph.Number(i), count]);
        }

        var (candidates, rated) = (_graph.Joined(boxes), _graph.Joined(scores));
        var offsets = _graph.Add("Unsqueeze", [_boxes.Offsets(_graph.Joined(numbers), candidates), _graph.Integers(1)]);
        var kept = _boxes.Keep(_graph.Add("Add", [candidates, offsets]), rated, options.ProposalOverlap, options.ProposalCount);
        return _boxes.Rows(candidates, kept);
    }

    private string CellsFirst(string x) => _graph.Add("Transpose", [x], OnnxGraph.Attribute("perm", 0, 2, 3, 1));

    // The formula: ONNX Runtime's Sigmoid has an absolute error, which would reorder the many anchors of low scores.
    private string Probabilities(string logits)
    {
        var one = _graph.Number(1);
        return _graph.Add("Div", [one, _graph.Add("Add", [_graph.Add("Exp", [_graph.Add("Neg", [logits])]), one])]);
    }

    // [rows x columns x anchors of a cell, 4]: those of the first cell, moved to every other.
    private string Anchors(int level, string logits)
    {
        var size = _graph.SizeOf(logits, 2);
        string Places(string side, int axis, ReadOnlySpan<float> corners)
        {
            long[] shape = [1, 1, 1, 1];
            shape[axis] = -1;
            var pixels = _graph.Floats(_graph.Add("Mul", [_graph.Numbered(side), _graph.Integers(_anchors.Strides[level])]));
            return _graph.Add("Mul", [_graph.Add("Reshape", [pixels, _graph.Integers(shape)]), _graph.Numbers(corners, 4)]);
        }

        var cells = _graph.Add("Add", [Places(size.Rows, 0, [0, 1, 0, 1]), Places(size.Columns, 1, [1, 0, 1, 0])]);
        using var first = _anchors.BaseAnchors(level);
        var moved = _graph.Add("Add", [_graph.Initializer(FormattableString.Invariant($"{Path}.anchors.{level}"), first), cells]);
        return _graph.Add("Reshape", [moved, _graph.Integers(-1, 4)]);
    }
}
