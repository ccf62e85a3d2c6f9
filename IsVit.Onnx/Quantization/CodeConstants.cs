using IsVit.Onnx.Graph;
using static IsVit.Onnx.Schema.TensorProto.Types;

namespace IsVit.Onnx.Quantization;

/// <summary>Codes as constants: uint8, or two to a byte as uint4.</summary>
internal static class CodeConstants
{
    /// <summary>The most bits of a code that go two to a byte.</summary>
    public const int Int4Bits = 4;

    /// <summary>A constant under a name of its own.</summary>
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
}
