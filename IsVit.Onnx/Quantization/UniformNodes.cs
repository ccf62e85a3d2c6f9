using System.Runtime.InteropServices;
using IsVit.Model.Quantization;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Schema;
using IsVit.Quantizers.Uniform;
using static IsVit.Onnx.Schema.TensorProto.Types;
using static TorchSharp.torch;

namespace IsVit.Onnx.Quantization;

/// <summary>Uniform quantization as nodes: QuantizeLinear, which rounds x / s to even before it adds z as the library does, a clip to the codes of the width, DequantizeLinear.</summary>
internal static class UniformNodes
{
    /// <summary>An activation's numbers to those that their codes stand for.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="quantizer">The quantizer.</param>
    /// <param name="x">The numbers.</param>
    /// <param name="arrange">What moves the codes to where the product reads them; null for nothing.</param>
    public static QuantizedOperand Quantize(OnnxGraph graph, UniformQuantizer quantizer, string x, Func<string, string>? arrange = null)
    {
        var (scale, zeroPoint, axis) = Parameters(quantizer);
        var scales = Numbers(graph, scale, axis);
        if (!AreBelow(zeroPoint, 1 << BitWidth.Maximum))
        {
            var clamped = Clamped(graph, quantizer.Bits, x, scales, Numbers(graph, zeroPoint, axis));
            return new(arrange is null ? clamped : arrange(clamped));
        }

        var zeroPoints = Bytes(graph, zeroPoint, axis);
        var codes = Codes(graph, quantizer, x, scales, zeroPoints, axis);
        codes = arrange is null ? codes : arrange(codes);
        return new(graph.Add("DequantizeLinear", [codes, scales, zeroPoints], Along(axis)), axis is null ? quantizer.Bits.MaxCode : null);
    }

    /// <summary>
    /// The numbers that a convolution reads. Of a DequantizeLinear before a convolution whose output is quantized, ONNX Runtime makes one of integers, for which it quantizes the kernel anew, to eight bits and with scales of its
    /// own; of the same two steps as two nodes it does not.
    /// </summary>
    /// <param name="graph">The graph.</param>
    /// <param name="quantizer">The quantizer.</param>
    /// <param name="x">[batch, channels, rows, columns].</param>
    /// <param name="kernels">What the runtime may round.</param>
    public static string QuantizeMap(OnnxGraph graph, UniformQuantizer quantizer, string x, OnnxKernels kernels)
    {
        var (scale, zeroPoint, axis) = Parameters(quantizer);
        if (kernels == OnnxKernels.Fast || !AreBelow(zeroPoint, 1 << BitWidth.Maximum) || axis is not (null or 1 or -3))
        {
            return Quantize(graph, quantizer, x).Value;
        }

        var zeroPoints = Bytes(graph, zeroPoint, axis);
        var codes = Codes(graph, quantizer, x, Numbers(graph, scale, axis), zeroPoints, axis);
        var integers = graph.Add("DequantizeLinear", [codes, Numbers(graph, Array.ConvertAll(scale, static _ => 1f), axis), zeroPoints], Along(axis));
        return graph.Add("Mul", [integers, graph.Numbers(scale, axis is null ? [] : [scale.Length, 1, 1])]);
    }

    /// <summary>A matrix of weights as a product reads it, [inputs, outputs]; its codes are a constant, two to a byte where four bits hold codes and zero points.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="quantizer">The quantizer.</param>
    /// <param name="weight">[outputs, inputs], all outputs of the layer.</param>
    /// <param name="input">What it is multiplied with.</param>
    /// <param name="range">The outputs that are asked for.</param>
    /// <param name="kernels">What the runtime may round.</param>
    public static string Matrix(OnnxGraph graph, UniformQuantizer quantizer, Tensor weight, QuantizedOperand input, OutputRange range, OnnxKernels kernels)
    {
        var name = $"{range.Name}.weight";
        var (scale, zeroPoint, axis) = WeightParameters(quantizer, name, range);
        var codes = quantizer.Quantize(weight).narrow(0, range.First, range.Count).t().contiguous().cpu();
        var isInt4 = IsInt4(quantizer, zeroPoint);
        string Scales() => axis is null ? Numbers(graph, scale, null) : graph.Initializer($"{name}_scale", tensor(scale));
        long[] shape = axis is null ? [] : [zeroPoint.Length];
        if (input.MaxCode is { } maxCode)
        {
            var signed = codes.to(ScalarType.Int32).sub(tensor(zeroPoint, ScalarType.Int32));
            var integers = MemoryMarshal.Cast<byte, int>(signed.bytes);
            if (IntegerProducts.FitSigned(integers) && (kernels == OnnxKernels.Fast || IntegerProducts.AreExact(integers, (int)range.Count, maxCode)))
            {
                return graph.Add("DequantizeLinear", [Signed(signed), Scales()], Along(axis is null ? null : 1));
            }
        }

        if ((input.MaxCode is not null || kernels == OnnxKernels.Fast) && AreBelow(zeroPoint, 1 << BitWidth.Maximum))
        {
            var zeroPoints = graph.Codes($"{name}_zero_point", shape, Array.ConvertAll(zeroPoint, static z => (byte)z), isInt4);
            return graph.Add("DequantizeLinear", [graph.Codes(name, codes.shape, codes.bytes, isInt4), Scales(), zeroPoints], Along(axis is null ? null : 1));
        }

        return Constant(graph, name, codes, isInt4, tensor(scale).view(shape), tensor(zeroPoint).view(shape));

        // Codes less their zero points: integers without one, which ONNX Runtime multiplies fastest.
        string Signed(Tensor integers)
        {
            if (!isInt4)
            {
                return graph.Initializer(name, integers.to(ScalarType.Int8));
            }

            var wide = graph.Int32Codes(name, codes.shape, codes.bytes, isInt4);
            var shifted = graph.Add("Sub", [wide, graph.Initializer($"{name}_zero_point", tensor(zeroPoint, ScalarType.Int32).view(shape))]);
            return graph.Add("Cast", [shifted], OnnxGraph.Attribute("to", (long)DataType.Int8));
        }
    }

    /// <summary>The kernel of a convolution, as it lies.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="quantizer">The quantizer.</param>
    /// <param name="name">The layer's path.</param>
    /// <param name="weight">[outputs, inputs, height, width].</param>
    public static string Kernel(OnnxGraph graph, UniformQuantizer quantizer, string name, Tensor weight)
    {
        var (scale, zeroPoint, axis) = WeightParameters(quantizer, $"{name}.weight", new(name, 0, weight.shape[0]));
        var codes = quantizer.Quantize(weight).contiguous().cpu();
        long[] shape = axis is null ? [] : [zeroPoint.Length, 1, 1, 1];
        return Constant(graph, $"{name}.weight", codes, IsInt4(quantizer, zeroPoint), tensor(scale).view(shape), tensor(zeroPoint).view(shape));
    }

    /// <summary>Constant integers to the numbers that they stand for: scale (integer - zero point).</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">What the names of the constants begin with.</param>
    /// <param name="integers">The integers, of any type.</param>
    /// <param name="scale">Broadcasts to them.</param>
    /// <param name="zeroPoint">Broadcasts to them.</param>
    public static string Decode(OnnxGraph graph, string name, string integers, Tensor scale, Tensor zeroPoint)
    {
        var floats = graph.Add("Cast", [integers], OnnxGraph.Attribute("to", (long)DataType.Float));
        return graph.Add("Mul", [graph.Add("Sub", [floats, graph.Initializer($"{name}_zero_point", zeroPoint)]), graph.Initializer($"{name}_scale", scale)]);
    }

    // What follows from constants a runtime computes when it loads the file: the weight is float from then on, without a DequantizeLinear in every run.
    private static string Constant(OnnxGraph graph, string name, Tensor codes, bool isInt4, Tensor scale, Tensor zeroPoint) =>
        Decode(graph, name, graph.Int32Codes(name, codes.shape, codes.bytes, isInt4), scale, zeroPoint);

    private static string Codes(OnnxGraph graph, UniformQuantizer quantizer, string x, string scales, string zeroPoints, int? axis)
    {
        var codes = graph.Add("QuantizeLinear", [x, scales, zeroPoints], Along(axis));
        return quantizer.Bits.Bits < BitWidth.Maximum ? graph.Add("Clip", [codes, graph.Byte(0), graph.Byte((byte)quantizer.Bits.MaxCode)]) : codes;
    }

    // The formula in float numbers: QuantizeLinear's zero point has to be a code.
    private static string Clamped(OnnxGraph graph, BitWidth bits, string x, string scale, string zeroPoint)
    {
        var shifted = graph.Add("Add", [graph.Add("Round", [graph.Add("Div", [x, scale])]), zeroPoint]);
        var codes = graph.Add("Cast", [graph.Add("Clip", [shifted, graph.Number(0), graph.Number(bits.MaxCode)])], OnnxGraph.Attribute("to", (long)DataType.Uint8));
        var floats = graph.Add("Cast", [codes], OnnxGraph.Attribute("to", (long)DataType.Float));
        return graph.Add("Mul", [graph.Add("Sub", [floats, zeroPoint]), scale]);
    }

    private static (float[] Scale, float[] ZeroPoint, int? Axis) WeightParameters(UniformQuantizer quantizer, string name, OutputRange range)
    {
        var (scale, zeroPoint, axis) = Parameters(quantizer);
        if (axis is not (null or 0))
        {
            throw new OnnxExportException(FormattableString.Invariant($"'{name}' has scales along axis {axis}; expected one for the weight or one for each output."));
        }

        float[] Part(float[] all) => axis is null ? all : all[(int)range.First..(int)(range.First + range.Count)];
        return (Array.ConvertAll(Part(scale), s => s * range.Factor), Part(zeroPoint), axis);
    }

    private static bool IsInt4(UniformQuantizer quantizer, float[] zeroPoint) => quantizer.Bits.Bits <= CodeConstants.Int4Bits && AreBelow(zeroPoint, 1 << CodeConstants.Int4Bits);

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
}
