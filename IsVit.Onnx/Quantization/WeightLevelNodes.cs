using IsVit.Core.Quantization;
using IsVit.Onnx.Graph;
using static IsVit.Onnx.Schema.TensorProto.Types;
using static TorchSharp.torch;

namespace IsVit.Onnx.Quantization;

/// <summary>Weights with free levels as nodes: codes are a constant, of four bits where that holds them, and what they stand for follows from constants; a runtime computes it when it loads the file.</summary>
internal static class WeightLevelNodes
{
    /// <summary>A matrix of weights as a product reads it, [inputs, outputs].</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="quantizer">Of free levels, per tensor or per output.</param>
    /// <param name="weight">[outputs, inputs], all outputs of the layer.</param>
    /// <param name="range">The outputs that are asked for.</param>
    public static string Matrix(OnnxGraph graph, IQuantizer quantizer, Tensor weight, OutputRange range)
    {
        var codes = quantizer.Quantize(weight).narrow(0, range.First, range.Count).t().contiguous().cpu();
        return Levels(graph, quantizer, codes, range, [-1]);
    }

    /// <summary>The kernel of a convolution, as it lies.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="quantizer">Of free levels, per tensor or per output.</param>
    /// <param name="name">The layer's path.</param>
    /// <param name="weight">[outputs, inputs, height, width].</param>
    public static string Kernel(OnnxGraph graph, IQuantizer quantizer, string name, Tensor weight) =>
        Levels(graph, quantizer, quantizer.Quantize(weight).contiguous().cpu(), new(name, 0, weight.shape[0]), [-1, 1, 1, 1]);

    private static string Levels(OnnxGraph graph, IQuantizer quantizer, Tensor codes, OutputRange range, long[] perOutput)
    {
        var name = $"{range.Name}.weight";
        var parameters = quantizer.ExportParameters();
        float[] Vector(string vector) => [.. parameters.Required(vector).Select(static value => (float)value)];
        var factor = quantizer.Granularity is Granularity.PerTensor ? range.Factor : 1;
        var levels = graph.Initializer($"{name}_levels", tensor(Array.ConvertAll(Vector("levels"), level => level * factor)));
        var places = graph.Add("Cast", [graph.Codes(name, codes.shape, codes.bytes, quantizer.Bits.Bits <= CodeConstants.Int4Bits)], OnnxGraph.Attribute("to", (long)DataType.Int32));
        var numbers = graph.Add("Gather", [levels, places]);
        if (quantizer.Granularity is Granularity.PerTensor)
        {
            return numbers;
        }

        if (quantizer.Granularity is not Granularity.PerChannel { Axis: 0 })
        {
            throw new OnnxExportException($"'{name}' has scales along {quantizer.Granularity}; expected one for the weight or one for each output.");
        }

        string Part(string vector) => graph.Initializer(
            $"{name}_{vector}", tensor(Array.ConvertAll(Vector(vector)[(int)range.First..(int)(range.First + range.Count)], value => value * range.Factor)).view(perOutput));
        return graph.Add("Add", [graph.Add("Mul", [numbers, Part("scale")]), Part("offset")]);
    }
}
