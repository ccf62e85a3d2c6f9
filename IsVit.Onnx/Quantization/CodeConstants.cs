using IsVit.Onnx.Graph;
using static IsVit.Onnx.Schema.TensorProto.Types;

namespace IsVit.Onnx.Quantization;

/// <summary>Codes as constants: one to a byte, or two.</summary>
internal static class CodeConstants
{
    /// <summary>The most bits of a code that go two to a byte.</summary>
    public const int Int4Bits = 4;

    private const int Half = 1 << Int4Bits;

    /// <summary>A constant that DequantizeLinear reads, of a type of its own where two go to a byte; few other operators know that type.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="codes">One code a byte.</param>
    /// <param name="isInt4">Whether all are below 16, and go two to a byte.</param>
    public static string Codes(this OnnxGraph graph, string name, ReadOnlySpan<long> shape, ReadOnlySpan<byte> codes, bool isInt4)
    {
        if (!isInt4)
        {
            return graph.Initializer(name, DataType.Uint8, shape, codes);
        }

        var packed = new byte[(codes.Length + 1) / 2];
        for (var i = 0; i < codes.Length; i++)
        {
            packed[i / 2] |= (byte)(codes[i] << (Int4Bits * (i % 2)));
        }

        return graph.Initializer(name, DataType.Uint4, shape, packed);
    }

    /// <summary>
    /// Codes to compute with: int32, from a constant of bytes. Where two go to a byte, the low halves hold the first half of the rows and the high halves the second, and a runtime takes them apart when it
    /// loads the file: with division and remainder, which each has for int32, whereas not even conversions take types of four bits everywhere.
    /// </summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">The constant's name.</param>
    /// <param name="shape">The shape of the codes.</param>
    /// <param name="codes">One code a byte.</param>
    /// <param name="isInt4">Whether all are below 16, and go two to a byte.</param>
    public static string Int32Codes(this OnnxGraph graph, string name, ReadOnlySpan<long> shape, ReadOnlySpan<byte> codes, bool isInt4)
    {
        string Wide(string bytes) => graph.Add("Cast", [bytes], OnnxGraph.Attribute("to", (long)DataType.Int32));
        if (!isInt4)
        {
            return Wide(graph.Initializer(name, DataType.Uint8, shape, codes));
        }

        var rows = shape[0];
        var packedRows = (rows + 1) / 2;
        var packed = codes[..(int)(codes.Length / rows * packedRows)].ToArray();
        for (var i = packed.Length; i < codes.Length; i++)
        {
            packed[i - packed.Length] |= (byte)(codes[i] << Int4Bits);
        }

        var pairs = Wide(graph.Initializer(name, DataType.Uint8, [packedRows, .. shape[1..]], packed));
        var (first, second) = (graph.Add("Mod", [pairs, graph.Int32(Half)]), graph.Add("Div", [pairs, graph.Int32(Half)]));
        var all = graph.Add("Concat", [first, second], OnnxGraph.Attribute("axis", 0L));

        // An odd number of rows leaves one of zeros at the end.
        return rows % 2 == 0 ? all : graph.Add("Slice", [all, graph.Integers(0), graph.Integers(rows), graph.Integers(0)]);
    }
}
