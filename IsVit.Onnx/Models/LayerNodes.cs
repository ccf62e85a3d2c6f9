using IsVit.Core.Models;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Onnx.Models;

/// <summary>The nodes of layers that models share, with what quantizes their operands.</summary>
/// <param name="graph">The graph.</param>
/// <param name="sites">What is quantized.</param>
internal sealed class LayerNodes(OnnxGraph graph, SiteNodes sites)
{
    /// <summary>The graph.</summary>
    public OnnxGraph Graph => graph;

    /// <summary>A linear layer along the last axis.</summary>
    public string Linear(string path, Linear layer, string x)
    {
        graph.Enter(path);
        var product = graph.Add("MatMul", [sites.Operand(graph, path, Core.Graph.SiteOperand.Input, x), sites.Weight(graph, path, layer.weight, transposed: true)]);
        return Named(layer.bias, $"{path}.bias") is { } bias ? graph.Add("Add", [product, bias]) : product;
    }

    /// <summary>A convolution whose stride is its kernel's size.</summary>
    public string Convolution(string path, Conv2d layer, string x)
    {
        graph.Enter(path);
        var input = sites.Operand(graph, path, Core.Graph.SiteOperand.Input, x);
        var weight = sites.Weight(graph, path, layer.weight, transposed: false);
        var shape = layer.weight.shape;
        string[] inputs = Named(layer.bias, $"{path}.bias") is { } bias ? [input, weight, bias] : [input, weight];
        return graph.Add("Conv", inputs, OnnxGraph.Attribute("kernel_shape", shape[2], shape[3]), OnnxGraph.Attribute("strides", shape[2], shape[3]));
    }

    /// <summary>A matrix product of two activations.</summary>
    public string Product(string path, string left, string right)
    {
        graph.Enter(path);
        return graph.Add("MatMul", [sites.Operand(graph, path, Core.Graph.SiteOperand.Left, left), sites.Operand(graph, path, Core.Graph.SiteOperand.Right, right)]);
    }

    /// <summary>A softmax along the last axis.</summary>
    public string Softmax(string path, string x)
    {
        graph.Enter(path);
        return sites.Operand(graph, path, Core.Graph.SiteOperand.Output, graph.Add("Softmax", [x], OnnxGraph.Attribute("axis", -1L)));
    }

    /// <summary>A layer norm along the last axis.</summary>
    public string Norm(string path, LayerNorm layer, string x)
    {
        graph.Enter(path);
        var weight = Named(layer.weight, $"{path}.weight") ?? throw new OnnxExportException($"The layer norm '{path}' has no weight; expected one.");
        string[] inputs = Named(layer.bias, $"{path}.bias") is { } bias ? [x, weight, bias] : [x, weight];
        return graph.Add("LayerNormalization", inputs, OnnxGraph.Attribute("axis", -1L), OnnxGraph.Attribute("epsilon", (float)layer.eps));
    }

    /// <summary>A block's MLP.</summary>
    public string Mlp(string path, Mlp layer, string x)
    {
        var hidden = Linear($"{path}.fc1", layer.Fc1, x);
        graph.Enter($"{path}.act");
        if (layer.Act is GELU)
        {
            hidden = graph.Add("Gelu", [hidden]);
        }
        else
        {
            // SwiGLU: the first half's SiLU times the second half.
            var halves = graph.Split(hidden, -1, 2);
            hidden = graph.Add("Mul", [graph.Add("Mul", [halves[0], graph.Add("Sigmoid", [halves[0]])]), halves[1]]);
        }

        return Linear($"{path}.fc2", layer.Fc2, hidden);
    }

    /// <summary>A fused projection's output as queries, keys and values of each head.</summary>
    /// <param name="path">The attention's path.</param>
    /// <param name="projected">[batch, tokens, 3 x heads x width].</param>
    /// <param name="tokens">The number of tokens.</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="width">The width of a head.</param>
    /// <param name="norms">What normalises queries and keys, and their paths; null for nothing.</param>
    /// <returns>Queries and values [batch, heads, tokens, width], keys [batch, heads, width, tokens].</returns>
    public (string Query, string Key, string Value) Heads(string path, string projected, long tokens, int heads, int width, (LayerNorm Query, LayerNorm Key)? norms = null)
    {
        graph.Enter(path);
        var parts = graph.Split(projected, -1, 3);
        string Each(string part) => graph.Add("Transpose", [graph.Add("Reshape", [part, graph.Integers(-1, tokens, heads, width)])], OnnxGraph.Attribute("perm", 0, 2, 1, 3));
        var (query, key, value) = (Each(parts[0]), Each(parts[1]), Each(parts[2]));
        if (norms is { } both)
        {
            query = Norm($"{path}.q_norm", both.Query, query);
            key = Norm($"{path}.k_norm", both.Key, key);
            graph.Enter(path);
        }

        var scaled = graph.Add("Mul", [query, graph.Number((float)(1 / Math.Sqrt(width)))]);
        return (scaled, graph.Add("Transpose", [key], OnnxGraph.Attribute("perm", 0, 1, 3, 2)), value);
    }

    /// <summary>Heads beside each other again.</summary>
    /// <param name="path">The attention's path.</param>
    /// <param name="mixed">[batch, heads, tokens, width].</param>
    /// <param name="tokens">The number of tokens.</param>
    /// <param name="dim">Heads times width.</param>
    /// <returns>[batch, tokens, dim].</returns>
    public string Join(string path, string mixed, long tokens, int dim)
    {
        graph.Enter(path);
        return graph.Add("Reshape", [graph.Add("Transpose", [mixed], OnnxGraph.Attribute("perm", 0, 2, 1, 3)), graph.Integers(-1, tokens, dim)]);
    }

    private string? Named(Tensor? parameter, string name) => parameter is null ? null : graph.Initializer(name, parameter);
}
