using IsVit.Onnx.Graph;
using static IsVit.Onnx.Schema.TensorProto.Types;

namespace IsVit.Onnx.Detectors;

/// <summary>Computation with the sizes of maps when a graph runs.</summary>
internal static class MapNodes
{
    /// <summary>The size of a map.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">The map.</param>
    /// <param name="rowAxis">The axis of its rows, which that of its columns follows.</param>
    public static MapSize SizeOf(this OnnxGraph graph, string x, int rowAxis) => new(
        graph.Add("Shape", [x], OnnxGraph.Attribute("start", (long)rowAxis), OnnxGraph.Attribute("end", rowAxis + 1L)),
        graph.Add("Shape", [x], OnnxGraph.Attribute("start", rowAxis + 1L), OnnxGraph.Attribute("end", rowAxis + 2L)));

    /// <summary>How many rows and columns are missing to whole multiples.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="size">The size.</param>
    /// <param name="multiple">Of what.</param>
    public static MapSize Missing(this OnnxGraph graph, MapSize size, long multiple)
    {
        // The remainder has the sign of the divisor.
        string Of(string side) => graph.Add("Mod", [graph.Add("Neg", [side]), graph.Integers(multiple)]);
        return new(Of(size.Rows), Of(size.Columns));
    }

    /// <summary>Fills maps [batch, rows, columns, width] up with zeros below and on the right.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="missing">By how many rows and columns.</param>
    /// <returns>What Pad reads.</returns>
    public static string TokenPads(this OnnxGraph graph, MapSize missing) => graph.Joined(graph.Integers(0, 0, 0, 0, 0), missing.Rows, missing.Columns, graph.Integers(0));

    /// <summary>Fills images [batch, channels, rows, columns] up with zeros below and on the right to whole multiples.</summary>
    public static string Filled(this OnnxGraph graph, string images, long multiple)
    {
        var missing = graph.Missing(graph.SizeOf(images, 2), multiple);
        return graph.Add("Pad", [images, graph.Joined(graph.Integers(0, 0, 0, 0, 0, 0), missing.Rows, missing.Columns)]);
    }

    /// <summary>Lists behind each other.</summary>
    public static string Joined(this OnnxGraph graph, params ReadOnlySpan<string> lists) => graph.Add("Concat", lists, OnnxGraph.Attribute("axis", 0L));

    /// <summary>0, 1, 2 and so on.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="count">How many: a list of one whole number.</param>
    /// <returns>Int64.</returns>
    public static string Numbered(this OnnxGraph graph, string count) => graph.Add("Range", [graph.Integer(0), graph.Add("Squeeze", [count]), graph.Integer(1)]);

    /// <summary>Converts numbers to float32.</summary>
    public static string Floats(this OnnxGraph graph, string x) => graph.Add("Cast", [x], OnnxGraph.Attribute("to", (long)DataType.Float));

    /// <summary>The first length of a value, a list of one whole number.</summary>
    public static string CountOf(this OnnxGraph graph, string x) => graph.Add("Shape", [x], OnnxGraph.Attribute("start", 0L), OnnxGraph.Attribute("end", 1L));
}
