using System.Runtime.InteropServices;
using IsVit.Onnx.Graph;
using IsVit.Quantizers.Tables;
using static IsVit.Onnx.Schema.TensorProto.Types;

namespace IsVit.Onnx.Quantization;

/// <summary>
/// Quantization by a table of levels as nodes: a number's position among the thresholds, then its level. Only comparisons decide, so that positions are the library's for every number, whichever way
/// a runtime rounds a logarithm.
/// </summary>
internal static class TableNodes
{
    // How far thresholds may lie from even spacing, in spacings. With what a logarithm in float32 is off it stays well below the half at which another threshold would be the nearest.
    private const double LargestDeviation = 0.2;
    private const double SmallestSpacing = 1e-3;

    /// <summary>An activation's numbers to the levels of the table.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="table">The table.</param>
    /// <param name="x">The numbers, of two axes or more.</param>
    public static string Quantize(OnnxGraph graph, LevelTable table, string x)
    {
        var rows = graph.Add("Flatten", [x], OnnxGraph.Attribute("axis", -1L));
        var width = graph.Add("Shape", [rows], OnnxGraph.Attribute("start", 1L));
        var position = Spacing(table) is { } spacing ? BesideTheNearest(graph, table, spacing, rows, width) : Search(graph, table, rows, width);
        return graph.Add("Reshape", [Lookup(graph, table.Levels, position, width), graph.Add("Shape", [x])]);
    }

    // The distance between the logarithms of any two neighbours among the thresholds, each with the shift added; null where these are no numbers at even distances.
    private static double? Spacing(LevelTable table)
    {
        var logarithms = Array.ConvertAll(table.Thresholds, threshold => Math.Log((double)threshold + table.Shift));
        var spacing = (logarithms[^1] - logarithms[0]) / (logarithms.Length - 1);
        return spacing >= SmallestSpacing && logarithms.Select((logarithm, i) => Math.Abs(((logarithm - logarithms[0]) / spacing) - i)).All(static deviation => deviation <= LargestDeviation)
            ? spacing
            : null;
    }

    // A logarithm tells the threshold that is nearest, whose neighbours lie on either side for certain; one comparison tells the rest.
    private static string BesideTheNearest(OnnxGraph graph, LevelTable table, double spacing, string x, string width)
    {
        var thresholds = table.Thresholds;
        var (first, shift) = (thresholds[0], table.Shift);
        var inside = graph.Add("Clip", [x, graph.Number(first), graph.Number(thresholds[^1])]);
        var shifted = shift == 0 ? inside : graph.Add("Add", [inside, graph.Number(shift)]);
        var spacings = graph.Add("Mul", [graph.Add("Log", [shifted]), graph.Number((float)(1 / spacing))]);
        var rounded = graph.Add("Add", [spacings, graph.Number((float)(0.5 - (Math.Log((double)first + shift) / spacing)))]);

        // A NaN's is any whole number.
        var nearest = graph.Add("Clip", [ToInt32(graph, rounded), graph.Int32(0), graph.Int32(thresholds.Length - 1)]);
        var above = graph.Add("GreaterOrEqual", [x, Lookup(graph, thresholds, nearest, width)]);
        return graph.Add("Add", [nearest, ToInt32(graph, above)]);
    }

    // One comparison for each bit.
    private static string Search(OnnxGraph graph, LevelTable table, string x, string width)
    {
        var depth = (int)Math.Log2(table.Levels.Length);
        string? position = null;
        for (var row = 0; row < depth; row++)
        {
            // The thresholds of a row of the search tree, from left to right.
            var thresholds = new float[1 << row];
            for (var i = 0; i < thresholds.Length; i++)
            {
                thresholds[i] = table.Thresholds[(((2 * i) + 1) << (depth - row - 1)) - 1];
            }

            var threshold = position is null ? graph.Number(thresholds[0]) : Lookup(graph, thresholds, position, width);
            var above = ToInt32(graph, graph.Add("GreaterOrEqual", [x, threshold]));
            position = position is null ? above : graph.Add("Add", [graph.Add("Add", [position, position]), above]);
        }

        return position!;
    }

    // The values at positions of two axes, from a table with a column for each of theirs: ONNX Runtime takes 1 ns for a number of GatherElements, and 6 of Gather.
    private static string Lookup(OnnxGraph graph, float[] values, string position, string width)
    {
        var column = graph.Constant(DataType.Float, [values.Length, 1], MemoryMarshal.AsBytes(values.AsSpan()));
        return graph.Add("GatherElements", [graph.Add("Expand", [column, width]), position], OnnxGraph.Attribute("axis", 0L));
    }

    private static string ToInt32(OnnxGraph graph, string x) => graph.Add("Cast", [x], OnnxGraph.Attribute("to", (long)DataType.Int32));
}
