using System.Runtime.InteropServices;
using IsVit.Onnx.Graph;
using IsVit.Quantizers.Tables;
using static IsVit.Onnx.Schema.TensorProto.Types;

namespace IsVit.Onnx.Quantization;

/// <summary>
/// Quantization by a table of levels as nodes: the position of a number among the thresholds by a binary search, one comparison for each bit, then its level. There is no logarithm that another runtime
/// could round otherwise: positions are the library's for every number.
/// </summary>
internal static class TableNodes
{
    /// <summary>An activation's numbers to the levels of the table.</summary>
    public static string Quantize(OnnxGraph graph, LevelTable table, string x)
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

            var threshold = position is null ? graph.Number(thresholds[0]) : graph.Add("Gather", [Numbers(graph, thresholds), position]);
            var above = graph.Add("Cast", [graph.Add("GreaterOrEqual", [x, threshold])], OnnxGraph.Attribute("to", (long)DataType.Int32));
            position = position is null ? above : graph.Add("Add", [graph.Add("Add", [position, position]), above]);
        }

        return graph.Add("Gather", [Numbers(graph, table.Levels), position!]);
    }

    private static string Numbers(OnnxGraph graph, float[] values) => graph.Constant(DataType.Float, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()));
}
