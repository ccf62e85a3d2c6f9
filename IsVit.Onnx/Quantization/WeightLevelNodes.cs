using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Onnx.Graph;
using IsVit.Quantizers.FreeLevels;
using static TorchSharp.torch;

namespace IsVit.Onnx.Quantization;

/// <summary>Weights with free levels as nodes: codes are a constant, two to a byte where four bits hold them, and what they stand for follows from constants; a runtime computes it when it loads the file.</summary>
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
        if (quantizer.Granularity is not (Granularity.PerTensor or Granularity.PerChannel { Axis: 0 }))
        {
            throw new OnnxExportException($"'{name}' has scales along {quantizer.Granularity}; expected one for the weight or one for each output.");
        }

        var parameters = quantizer.ExportParameters();
        var places = graph.Int32Codes(name, codes.shape, codes.bytes, quantizer.Bits.Bits <= CodeConstants.Int4Bits);
        float[] Vector(string vector, float times = 1) => [.. parameters.Required(vector).Select(value => (float)value * times)];

        // What belongs to the outputs that are asked for.
        float[] Part(string vector, int each, float times = 1) => Vector(vector, times)[((int)range.First * each)..((int)(range.First + range.Count) * each)];
        Tensor OfEach(string vector, float times = 1) => tensor(Part(vector, 1, times)).view(perOutput);

        string Look(Tensor levels, string at) => graph.Add("Gather", [graph.Initializer($"{name}_levels", levels), at]);
        switch (quantizer)
        {
            case ChannelLevelsQuantizer:
                // All tables one behind the other; each output's places begin at its own.
                var count = quantizer.Bits.CodeCount;
                var starts = tensor(Enumerable.Range(0, (int)range.Count).Select(output => output * count).ToArray()).view(perOutput);
                var tables = tensor(Array.ConvertAll(Part("levels", count), static level => (byte)level));
                return UniformNodes.Decode(graph, name, Look(tables, graph.Add("Add", [places, graph.Initializer($"{name}_starts", starts)])), OfEach("scale", range.Factor), OfEach("zero_point"));
            case ScaledLevelsQuantizer:
                var scaled = graph.Add("Mul", [Look(tensor(Vector("levels")), places), graph.Initializer($"{name}_scale", OfEach("scale", range.Factor))]);
                return graph.Add("Add", [scaled, graph.Initializer($"{name}_offset", OfEach("offset", range.Factor))]);
            default:
                return Look(tensor(Vector("levels", range.Factor)), places);
        }
    }
}
