using System.Runtime.InteropServices;
using IsVit.Core.Quantization;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Schema;
using IsVit.Quantizers.Uniform;
using static IsVit.Onnx.Schema.TensorProto.Types;
using static TorchSharp.torch;

namespace IsVit.Onnx.Quantization;

/// <summary>Uniform quantization as nodes: QuantizeLinear, which rounds x / s to even before it adds z as the library does, a clip to the codes of the width, DequantizeLinear.</summary>
internal static class UniformNodes
{
    private const int Int4Bits = 4;

    /// <summary>An activation's numbers to those that their codes stand for.</summary>
    public static string Quantize(OnnxGraph graph, UniformQuantizer quantizer, string x)
    {
        var (scale, zeroPoint, axis) = Parameters(quantizer);
        var scales = Numbers(graph, scale, axis);
        if (!AreBelow(zeroPoint, 1 << BitWidth.Maximum))
        {
            return Clamped(graph, quantizer.Bits, x, scales, Numbers(graph, zeroPoint, axis));
        }

        var zeroPoints = Bytes(graph, zeroPoint, axis);
        var codes = graph.Add("QuantizeLinear", [x, scales, zeroPoints], Along(axis));
        if (quantizer.Bits.Bits < BitWidth.Maximum)
        {
            codes = graph.Add("Clip", [codes, graph.Byte(0), graph.Byte((byte)quantizer.Bits.MaxCode)]);
        }

        return graph.Add("DequantizeLinear", [codes, scales, zeroPoints], Along(axis));
    }

    /// <summary>A weight's codes as a constant, of four bits where that holds codes and zero points, and the numbers that they stand for.</summary>
    public static string Weight(OnnxGraph graph, UniformQuantizer quantizer, string name, Tensor weight, bool transposed)
    {
        var (scale, zeroPoint, axis) = Parameters(quantizer);
        if (axis is not (null or 0))
        {
            throw new OnnxExportException($"'{name}' has scales along axis {axis}; expected one for the weight or one for each output.");
        }

        var codes = quantizer.Quantize(weight.detach()).cpu();
        codes = (transposed ? codes.t() : codes).contiguous();
        var outputs = transposed ? 1 : 0;
        var integers = graph.Initializer(name, codes.shape, codes.bytes, quantizer.Bits.Bits <= Int4Bits && AreBelow(zeroPoint, 1 << Int4Bits));
        if (AreBelow(zeroPoint, 1 << BitWidth.Maximum))
        {
            var zeroPoints = graph.Initializer($"{name}_zero_point", axis is null ? [] : [zeroPoint.Length], Array.ConvertAll(zeroPoint, static z => (byte)z), integers.IsInt4);
            var scales = axis is null ? Numbers(graph, scale, null) : Initializer(graph, $"{name}_scale", scale);
            return graph.Add("DequantizeLinear", [integers.Name, scales, zeroPoints.Name], Along(axis is null ? null : outputs));
        }

        // A row that does not hold zero has a zero point that is no code.
        var floats = graph.Add("Cast", [integers.Name], OnnxGraph.Attribute("to", (long)DataType.Float));
        string Aligned(float[] values, string suffix)
        {
            var shape = Enumerable.Repeat(1L, codes.shape.Length).ToArray();
            shape[outputs] = values.Length;
            return graph.Initializer($"{name}_{suffix}", tensor(values).view(shape));
        }

        return graph.Add("Mul", [graph.Add("Sub", [floats, Aligned(zeroPoint, "zero_point")]), Aligned(scale, "scale")]);
    }

    // The formula in float numbers: QuantizeLinear's zero point has to be a code.
    private static string Clamped(OnnxGraph graph, BitWidth bits, string x, string scale, string zeroPoint)
    {
        var shifted = graph.Add("Add", [graph.Add("Round", [graph.Add("Div", [x, scale])]), zeroPoint]);
        var codes = graph.Add("Cast", [graph.Add("Clip", [shifted, graph.Number(0), graph.Number(bits.MaxCode)])], OnnxGraph.Attribute("to", (long)DataType.Uint8));
        var floats = graph.Add("Cast", [codes], OnnxGraph.Attribute("to", (long)DataType.Float));
        return graph.Add("Mul", [graph.Add("Sub", [floats, zeroPoint]), scale]);
    }

    private static (float[] Scale, float[] ZeroPoint, int? Axis) Parameters(UniformQuantizer quantizer)
    {
        var parameters = quantizer.ExportParameters();
        float[] Vector(string name) => [.. parameters.Required(name).Select(static value => (float)value)];
        return (Vector("scale"), Vector("zero_point"), quantizer.Granularity is Granularity.PerChannel channel ? channel.Axis : null);
    }

    // Zero points are whole numbers, and may be negative.
    private static bool AreBelow(float[] zeroPoint, int limit) => Array.TrueForAll(zeroPoint, z => z >= 0 && z < limit);

    private static AttributeProto[] Along(int? axis) => axis is { } channels ? [OnnxGraph.Attribute("axis", (long)channels)] : [];

    private static string Numbers(OnnxGraph graph, float[] values, int? axis) =>
        graph.Constant(DataType.Float, axis is null ? [] : [values.Length], MemoryMarshal.AsBytes(values.AsSpan()));

    private static string Bytes(OnnxGraph graph, float[] values, int? axis) =>
        graph.Constant(DataType.Uint8, axis is null ? [] : [values.Length], Array.ConvertAll(values, static value => (byte)value));

    private static string Initializer(OnnxGraph graph, string name, float[] values) => graph.Initializer(name, DataType.Float, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()));

    // Codes as uint8, or two to a byte as uint4.
    private static (string Name, bool IsInt4) Initializer(this OnnxGraph graph, string name, ReadOnlySpan<long> shape, ReadOnlySpan<byte> codes, bool isInt4)
    {
        if (!isInt4)
        {
            return (graph.Initializer(name, DataType.Uint8, shape, codes), false);
        }

        var packed = new byte[(codes.Length + 1) / 2];
        for (var i = 0; i < codes.Length; i++)
        {
            packed[i / 2] |= (byte)(codes[i] << (Int4Bits * (i % 2)));
        }

        return (graph.Initializer(name, DataType.Uint4, shape, packed), true);
    }
}
