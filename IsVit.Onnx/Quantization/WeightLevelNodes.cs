using IsVit.Core.Quantization;
using IsVit.Onnx.Graph;
using IsVit.Quantizers.FreeLevels;
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
        var places = graph.Add("Cast", [graph.Codes(name, codes.shape, codes.bytes, quantizer.Bits.Bits <= CodeConstants.Int4Bits)], OnnxGraph.Attribute("to", (long)DataType.Int32));
        if (quantizer is ChannelLevelsQuantizer)
        {
            return TableOfEach();
        }

        var levels = graph.Initializer($"{name}_levels", tensor(Array.ConvertAll(Vector("levels"), level => level * factor)));
        var numbers = graph.Add("Gather", [levels, places]);
        if (quantizer.Granularity is Granularity.PerTensor)
        {
            return numbers;
        }

        if (quantizer.Granularity is not Granularity.PerChannel { Axis: 0 })
        {
            throw new OnnxExportException($"'{name}' has scales along {quantizer.Granularity}; expected one for the weight or one for each output.");
        }

        return graph.Add("Add", [graph.Add("Mul", [numbers, Part("scale", range.Factor)]), Part("offset", range.Factor)]);

        string Part(string vector, float times) => graph.Initializer($"{name}_{vector}", tensor(Array.ConvertAll(Of(vector, 1), value => value * times)).view(perOutput));

        // What belongs to the outputs that are asked for.
        float[] Of(string vector, int each) => Vector(vector)[((int)range.First * each)..((int)(range.First + range.Count) * each)];

        // All tables in one behind the other, each output's places begin at its own.
        string TableOfEach()
        {
            var count = quantizer.Bits.CodeCount;
            var starts = Enumerable.Range(0, (int)range.Count).Select(output => output * count).ToArray();
            byte[] tables = [.. Of("levels", count).Select(static level => (byte)level)];
            var entries = graph.Add("Gather", [graph.Initializer($"{name}_levels", DataType.Uint8, [tables.Length], tables), graph.Add("Add", [places, graph.Initializer($"{name}_starts", tensor(starts).view(perOutput))])]);
            var centred = graph.Add("Sub", [graph.Add("Cast", [entries], OnnxGraph.Attribute("to", (long)DataType.Float)), Part("zero_point", 1)]);
            return graph.Add("Mul", [centred, Part("scale", range.Factor)]);
        }
    }
}
