using IsVit.Detection.Operators;
using IsVit.Onnx.Graph;

namespace IsVit.Onnx.Detectors;

/// <summary>What detectors compute with boxes, as nodes that round as the operators of the library do.</summary>
/// <param name="graph">The graph.</param>
internal sealed class BoxNodes(OnnxGraph graph)
{
    /// <summary>The boxes that differences lead to.</summary>
    /// <param name="coder">Says how differences are normalized.</param>
    /// <param name="boxes">[..., 4].</param>
    /// <param name="deltas">[..., 4], of axes that broadcast.</param>
    /// <param name="limits">Four numbers that corners are clipped to.</param>
    /// <returns>[..., 4].</returns>
    public string Decode(BoxCoder coder, string boxes, string deltas, string limits)
    {
        deltas = graph.Add("Mul", [deltas, graph.Numbers([.. coder.Deviations.Select(static number => (float)number)], 4)]);
        if (coder.Means.Any(static mean => mean != 0))
        {
            deltas = graph.Add("Add", [deltas, graph.Numbers([.. coder.Means.Select(static number => (float)number)], 4)]);
        }

        // Both axes at once: x and y, then widths and heights.
        var (corners, parts) = (graph.Split(boxes, -1, 2), graph.Split(deltas, -1, 2));
        var half = graph.Number(0.5f);
        var centres = graph.Add("Mul", [graph.Add("Add", [corners[0], corners[1]]), half]);
        var sides = graph.Add("Sub", [corners[1], corners[0]]);
        var largest = (float)BoxCoder.LargestLog;
        var ratios = graph.Add("Exp", [graph.Add("Clip", [parts[1], graph.Number(-largest), graph.Number(largest)])]);
        var halves = graph.Add("Mul", [graph.Add("Mul", [sides, ratios]), half]);
        centres = graph.Add("Add", [centres, graph.Add("Mul", [sides, parts[0]])]);
        var decoded = graph.Add("Concat", [graph.Add("Sub", [centres, halves]), graph.Add("Add", [centres, halves])], OnnxGraph.Attribute("axis", -1L));
        return graph.Add("Min", [graph.Add("Max", [decoded, graph.Number(0)]), limits]);
    }

    /// <summary>What boxes of each label are moved by so that labels lie apart: label x (largest coordinate + 1), which rounds coordinates as it does in the library.</summary>
    /// <param name="labels">The labels, float.</param>
    /// <param name="boxes">All boxes whose coordinates count.</param>
    public string Offsets(string labels, string boxes)
    {
        var largest = graph.Add("ReduceMax", [graph.Add("Reshape", [boxes, graph.Integers(-1)])], OnnxGraph.Attribute("keepdims", 0L));
        return graph.Add("Mul", [labels, graph.Add("Add", [largest, graph.Number(1)])]);
    }

    /// <summary>Greedy non-maximum suppression: strictly more overlap suppresses, strictly higher scores take part, of equal ones the lower index comes first.</summary>
    /// <param name="boxes">[n, 4], labels apart from each other.</param>
    /// <param name="scores">[n].</param>
    /// <param name="overlap">The overlap.</param>
    /// <param name="count">The most boxes to keep.</param>
    /// <param name="threshold">What a score must exceed; null for nothing.</param>
    /// <returns>[kept]: indices, best first.</returns>
    public string Keep(string boxes, string scores, double overlap, int count, float? threshold = null)
    {
        string[] inputs =
        [
            graph.Add("Unsqueeze", [boxes, graph.Integers(0)]),
            graph.Add("Unsqueeze", [scores, graph.Integers(0, 1)]),
            graph.Integers(count),
            graph.Numbers([(float)overlap], 1),
            .. threshold is { } least ? [graph.Numbers([least], 1)] : Array.Empty<string>(),
        ];
        return graph.Add("Gather", [graph.Add("NonMaxSuppression", inputs), graph.Integer(2)], OnnxGraph.Attribute("axis", 1L));
    }

    /// <summary>Rows of a value.</summary>
    /// <param name="x">The value.</param>
    /// <param name="indices">Which.</param>
    public string Rows(string x, string indices) => graph.Add("Gather", [x, indices], OnnxGraph.Attribute("axis", 0L));

    /// <summary>For each region what belongs to one of its classes.</summary>
    /// <param name="x">[regions, classes, ...].</param>
    /// <param name="classes">[regions], Int64.</param>
    /// <param name="classCount">The number of classes.</param>
    /// <param name="shape">The axes behind the classes.</param>
    /// <returns>[regions, ...].</returns>
    public string OfClass(string x, string classes, int classCount, params ReadOnlySpan<long> shape)
    {
        var first = graph.Add("Mul", [graph.Numbered(graph.CountOf(classes)), graph.Integers(classCount)]);
        return Rows(graph.Add("Reshape", [x, graph.Integers([-1, .. shape])]), graph.Add("Add", [first, classes]));
    }
}
