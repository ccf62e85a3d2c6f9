using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Onnx.Graph;
using IsVit.Quantizers;
using IsVit.Quantizers.FreeLevels;
using IsVit.Quantizers.Uniform;
using static TorchSharp.torch;

namespace IsVit.Onnx.Quantization;

/// <summary>The nodes that quantize operands of matrix products, site by site.</summary>
internal sealed class SiteNodes
{
    private readonly Dictionary<string, IQuantizer> _quantizers;
    private readonly HashSet<string> _unused;
    private readonly OnnxKernels _kernels;

    /// <summary>Takes what is quantized from a model's attachment.</summary>
    /// <param name="bindings">The sites and their quantizers.</param>
    /// <param name="kernels">What the runtime may round.</param>
    public SiteNodes(IEnumerable<SiteBinding> bindings, OnnxKernels kernels = OnnxKernels.Exact)
    {
        _kernels = kernels;
        _quantizers = bindings.ToDictionary(static binding => binding.Site.Id, static binding => binding.Quantizer, StringComparer.Ordinal);
        _unused = [.. _quantizers.Keys];
    }

    /// <summary>Nothing is quantized.</summary>
    public static SiteNodes None => new([]);

    /// <summary>An activation as a product reads it.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="path">The layer's path.</param>
    /// <param name="operand">Which of the layer's operands it is.</param>
    /// <param name="x">Its numbers.</param>
    /// <param name="arrange">What moves them, or their codes, to where the product reads them; null for nothing.</param>
    public QuantizedOperand Operand(OnnxGraph graph, string path, SiteOperand operand, string x, Func<string, string>? arrange = null)
    {
        string Arranged() => arrange is null ? x : arrange(x);
        return Find(path, operand) switch
        {
            null => new(Arranged()),
            UniformQuantizer { Granularity: Granularity.PerTensor } uniform => UniformNodes.Quantize(graph, uniform, x, arrange),
            UniformQuantizer uniform => UniformNodes.Quantize(graph, uniform, Arranged()),
            TableQuantizer { Table: { } table } => new(TableNodes.Quantize(graph, table, Arranged())),
            { } other => throw new OnnxExportException($"Site '{path}': a '{other.Scheme}' quantizer ({other.Granularity}) cannot be exported; expected a uniform one, or one with a table for the tensor."),
        };
    }

    /// <summary>A map as a convolution reads it.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="path">The layer's path.</param>
    /// <param name="x">[batch, channels, rows, columns].</param>
    public string Map(OnnxGraph graph, string path, string x) =>
        Find(path, SiteOperand.Input) is UniformQuantizer uniform ? UniformNodes.QuantizeMap(graph, uniform, x, _kernels) : Operand(graph, path, SiteOperand.Input, x).Value;

    /// <summary>A weight as a product reads it: [inputs, outputs].</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="path">The layer's path.</param>
    /// <param name="weight">The layer's weight, outputs first.</param>
    /// <param name="input">What it is multiplied with.</param>
    /// <param name="range">The outputs that are asked for.</param>
    public string Weight(OnnxGraph graph, string path, Tensor weight, QuantizedOperand input, OutputRange range)
    {
        var matrix = weight.detach().flatten(1);
        return Find(path, SiteOperand.Weight) switch
        {
            null => graph.Initializer($"{range.Name}.weight", matrix.narrow(0, range.First, range.Count).Times(range.Factor).t()),
            { } levels and (FreeLevelsQuantizer or ScaledLevelsQuantizer or ChannelLevelsQuantizer) => WeightLevelNodes.Matrix(graph, levels, matrix, range),
            { } quantizer => UniformNodes.Matrix(graph, Uniform(path, quantizer), matrix, input, range, _kernels),
        };
    }

    /// <summary>The kernel of a convolution.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="path">The layer's path.</param>
    /// <param name="weight">The layer's weight.</param>
    public string Kernel(OnnxGraph graph, string path, Tensor weight) => Find(path, SiteOperand.Weight) switch
    {
        null => graph.Initializer($"{path}.weight", weight),
        { } levels and (FreeLevelsQuantizer or ScaledLevelsQuantizer or ChannelLevelsQuantizer) => WeightLevelNodes.Kernel(graph, levels, path, weight.detach()),
        { } quantizer => UniformNodes.Kernel(graph, Uniform(path, quantizer), path, weight.detach()),
    };

    /// <summary>Throws if a site that is quantized in the model is not in the graph.</summary>
    public void RequireAllUsed()
    {
        if (_unused.Count > 0)
        {
            throw new OnnxExportException($"The model quantizes sites that exporting does not know: {string.Join(", ", _unused.Order(StringComparer.Ordinal))}.");
        }
    }

    private static UniformQuantizer Uniform(string path, IQuantizer quantizer) => quantizer as UniformQuantizer
        ?? throw new OnnxExportException($"The weight of '{path}' has a '{quantizer.Scheme}' quantizer; expected '{UniformQuantizer.SchemeName}', '{FreeLevelsQuantizer.SchemeName}' or '{ChannelLevelsQuantizer.SchemeName}'.");

    private IQuantizer? Find(string path, SiteOperand operand)
    {
        var id = new Site(path, operand, SiteRole.Other).Id;
        _unused.Remove(id);
        return _quantizers.GetValueOrDefault(id);
    }
}
