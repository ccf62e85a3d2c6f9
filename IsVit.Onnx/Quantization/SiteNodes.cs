using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Onnx.Graph;
using IsVit.Quantizers;
using IsVit.Quantizers.Uniform;
using static TorchSharp.torch;

namespace IsVit.Onnx.Quantization;

/// <summary>The nodes that quantize operands of matrix products, site by site.</summary>
internal sealed class SiteNodes
{
    private readonly Dictionary<string, IQuantizer> _quantizers;
    private readonly HashSet<string> _unused;

    // What was quantized already, so that layers that read one value with one quantizer share the nodes.
    private readonly Dictionary<(string Value, IQuantizer Quantizer), string> _done = [];

    /// <summary>Takes what is quantized from a model's attachment.</summary>
    /// <param name="bindings">The sites and their quantizers.</param>
    public SiteNodes(IEnumerable<SiteBinding> bindings)
    {
        _quantizers = bindings.ToDictionary(static binding => binding.Site.Id, static binding => binding.Quantizer, StringComparer.Ordinal);
        _unused = [.. _quantizers.Keys];
    }

    /// <summary>Nothing is quantized.</summary>
    public static SiteNodes None => new([]);

    /// <summary>An activation as a product reads it.</summary>
    public string Operand(OnnxGraph graph, string path, SiteOperand operand, string x)
    {
        if (Find(path, operand) is not { } quantizer)
        {
            return x;
        }

        if (!_done.TryGetValue((x, quantizer), out var quantized))
        {
            _done[(x, quantizer)] = quantized = quantizer switch
            {
                UniformQuantizer uniform => UniformNodes.Quantize(graph, uniform, x),
                TableQuantizer { Table: { } table } => TableNodes.Quantize(graph, table, x),
                _ => throw new OnnxExportException($"Site '{path}': a '{quantizer.Scheme}' quantizer cannot be exported; expected one of this library's."),
            };
        }

        return quantized;
    }

    /// <summary>A weight as a product reads it.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="path">The layer's path.</param>
    /// <param name="weight">The weight, outputs first.</param>
    /// <param name="transposed">Whether the product reads it with the outputs last.</param>
    public string Weight(OnnxGraph graph, string path, Tensor weight, bool transposed)
    {
        var name = $"{path}.weight";
        if (Find(path, SiteOperand.Weight) is not { } quantizer)
        {
            return graph.Initializer(name, transposed ? weight.detach().t() : weight);
        }

        return quantizer is UniformQuantizer uniform
            ? UniformNodes.Weight(graph, uniform, name, weight, transposed)
            : throw new OnnxExportException($"The weight of '{path}' has a '{quantizer.Scheme}' quantizer; expected '{UniformQuantizer.SchemeName}'.");
    }

    /// <summary>Throws if a site that is quantized in the model is not in the graph.</summary>
    public void RequireAllUsed()
    {
        if (_unused.Count > 0)
        {
            throw new OnnxExportException($"The model quantizes sites that exporting does not know: {string.Join(", ", _unused.Order(StringComparer.Ordinal))}.");
        }
    }

    private IQuantizer? Find(string path, SiteOperand operand)
    {
        var id = new Site(path, operand, SiteRole.Other).Id;
        _unused.Remove(id);
        return _quantizers.GetValueOrDefault(id);
    }
}
