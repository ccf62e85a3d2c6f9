using IsVit.Core.Arithmetic;
using IsVit.Core.Models;
using IsVit.Model;
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
    /// <param name="path">Its path.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="x">What it reads.</param>
    /// <param name="arrange">What moves the numbers of <paramref name="x"/> to where the layer reads them; codes are moved in their place. Null for nothing.</param>
    public string Linear(string path, Linear layer, string x, Func<string, string>? arrange = null)
    {
        graph.Enter(path);
        return Outputs(path, layer, sites.Operand(graph, path, SiteOperand.Input, x, arrange), new(path, 0, layer.weight.shape[0]));
    }

    /// <summary>A convolution of the images, which stay in float, whose stride is its kernel's size.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="images">[batch, channels, height, width].</param>
    /// <returns>[batch, patches, output channels].</returns>
    public string Patches(string path, Conv2d layer, string images)
    {
        graph.Enter(path);
        var shape = layer.weight.shape;
        var kernel = sites.Kernel(graph, path, layer.weight);
        string[] inputs = Named(layer.bias, $"{path}.bias") is { } bias ? [images, kernel, bias] : [images, kernel];
        var grid = graph.Add("Conv", inputs, OnnxGraph.Attribute("kernel_shape", shape[2], shape[3]), OnnxGraph.Attribute("strides", shape[2], shape[3]));
        return graph.Add("Transpose", [graph.Add("Reshape", [grid, graph.Integers(0, shape[0], -1)])], OnnxGraph.Attribute("perm", 0, 2, 1));
    }

    /// <summary>A convolution that may read several maps: its constants are added once, whatever the number of its calls.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="layer">The layer, of one group, without dilation.</param>
    /// <returns>What adds the nodes that read one map [batch, channels, rows, columns].</returns>
    public Func<string, string> Convolution(string path, Conv2d layer)
    {
        graph.Enter(path);
        var (height, width) = (layer.weight!.shape[2], layer.weight.shape[3]);
        var (strides, padding) = (layer.stride ?? [1, 1], layer.padding ?? [0, 0]);
        var kernel = sites.Kernel(graph, path, layer.weight);
        var bias = Named(layer.bias, $"{path}.bias");
        return x =>
        {
            graph.Enter(path);
            var input = sites.Map(graph, path, x);
            return graph.Add(
                "Conv",
                bias is null ? [input, kernel] : [input, kernel, bias],
                OnnxGraph.Attribute("kernel_shape", height, width),
                OnnxGraph.Attribute("strides", strides[0], strides[^1]),
                OnnxGraph.Attribute("pads", padding[0], padding[^1], padding[0], padding[^1]));
        };
    }

    /// <summary>A transposed convolution without padding, which stays in float.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="x">[batch, channels, rows, columns].</param>
    public string Upsampling(string path, ConvTranspose2d layer, string x)
    {
        graph.Enter(path);
        var weight = graph.Initializer($"{path}.weight", layer.weight!);
        string[] inputs = Named(layer.bias, $"{path}.bias") is { } bias ? [x, weight, bias] : [x, weight];
        var strides = layer.stride ?? [1, 1];
        return graph.Add("ConvTranspose", inputs, OnnxGraph.Attribute("kernel_shape", layer.weight!.shape[2], layer.weight.shape[3]), OnnxGraph.Attribute("strides", strides[0], strides[^1]));
    }

    /// <summary>A batch normalization by its running statistics.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="x">[batch, channels, rows, columns].</param>
    public string BatchNorm(string path, BatchNorm2d layer, string x)
    {
        graph.Enter(path);
        string Required(Tensor? tensor, string name) => Named(tensor, $"{path}.{name}") ?? throw new OnnxExportException($"The batch normalization '{path}' has no {name}; expected one.");
        return graph.Add(
            "BatchNormalization",
            [x, Required(layer.weight, "weight"), Required(layer.bias, "bias"), Required(layer.running_mean, "running_mean"), Required(layer.running_var, "running_var")],
            OnnxGraph.Attribute("epsilon", (float)layer.eps));
    }

    /// <summary>What patch merging does with squares of four tokens.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="merging">The patch merging.</param>
    /// <param name="squares">[batch, rows, columns, four tokens].</param>
    public string Merged(string path, PatchMerging merging, string squares) => Linear($"{path}.reduction", merging.Reduction, Norm($"{path}.norm", merging.Norm, squares));

    /// <summary>A matrix product of two activations.</summary>
    public string Product(string path, HeadNumbers left, HeadNumbers right)
    {
        graph.Enter(path);
        return graph.Add(
            "MatMul",
            [
                sites.Operand(graph, path, SiteOperand.Left, left.Value, left.Arrange).Value,
                sites.Operand(graph, path, SiteOperand.Right, right.Value, right.Arrange).Value,
            ]);
    }

    /// <summary>A softmax along the last axis.</summary>
    public string Softmax(string path, string x)
    {
        graph.Enter(path);
        return sites.Operand(graph, path, SiteOperand.Output, graph.Add("Softmax", [x], OnnxGraph.Attribute("axis", -1L))).Value;
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

    /// <summary>A fused projection as queries, keys and values of each head. Each is a product of its own: one product would have to be cut afterwards, which costs a copy.</summary>
    /// <param name="path">The attention's path.</param>
    /// <param name="layer">The projection, whose path ends with <c>qkv</c>.</param>
    /// <param name="x">What it reads: [batch, tokens, inputs].</param>
    /// <param name="tokens">The number of tokens.</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="norms">What normalizes queries and keys; null for nothing.</param>
    /// <returns>Arranged, queries and values are [batch, heads, tokens, width], keys [batch, heads, width, tokens].</returns>
    public (HeadNumbers Query, HeadNumbers Key, HeadNumbers Value) Heads(string path, Linear layer, string x, long tokens, int heads, (LayerNorm Query, LayerNorm Key)? norms = null)
    {
        var projection = $"{path}.qkv";
        graph.Enter(projection);
        var input = sites.Operand(graph, projection, SiteOperand.Input, x);
        var dim = layer.weight.shape[0] / 3;
        var width = dim / heads;
        var scale = (float)(1 / Math.Sqrt(width));

        // A power of two multiplies weights and bias without rounding.
        var isFolded = norms is null && float.IsPow2(scale);
        string Part(int index, string name, float factor) => graph.Add(
            "Reshape", [Outputs(projection, layer, input, new($"{projection}.{name}", index * dim, dim, factor)), graph.Integers(0, tokens, heads, width)]);
        var (query, key, value) = (Part(0, "query", isFolded ? scale : 1), Part(1, "key", 1), Part(2, "value", 1));
        if (norms is { } both)
        {
            query = Norm($"{path}.q_norm", both.Query, query);
            key = Norm($"{path}.k_norm", both.Key, key);
        }

        graph.Enter(path);
        query = isFolded ? query : graph.Add("Mul", [query, graph.Number(scale)]);
        string HeadsFirst(string tokensFirst) => graph.Add("Transpose", [tokensFirst], OnnxGraph.Attribute("perm", 0, 2, 1, 3));
        string WidthFirst(string tokensFirst) => graph.Add("Transpose", [tokensFirst], OnnxGraph.Attribute("perm", 0, 2, 3, 1));
        return (new(query, HeadsFirst), new(key, WidthFirst), new(value, HeadsFirst));
    }

    /// <summary>The layer behind attention, which reads the heads beside each other.</summary>
    /// <param name="path">The layer's path.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="mixed">[batch, heads, tokens, width].</param>
    /// <param name="tokens">The number of tokens.</param>
    /// <returns>[batch, tokens, outputs].</returns>
    public string Join(string path, Linear layer, string mixed, long tokens) => Linear(
        path,
        layer,
        mixed,
        heads => graph.Add("Reshape", [graph.Add("Transpose", [heads], OnnxGraph.Attribute("perm", 0, 2, 1, 3)), graph.Integers(0, tokens, layer.weight.shape[1])]));

    // Some of a linear layer's outputs.
    private string Outputs(string path, Linear layer, QuantizedOperand x, OutputRange range)
    {
        graph.Enter(range.Name);
        return Biased(graph.Add("MatMul", [x.Value, sites.Weight(graph, path, layer.weight, x, range)]), layer.bias, range);
    }

    private string Biased(string product, Tensor? bias, OutputRange range) => bias is null
        ? product
        : graph.Add("Add", [product, graph.Initializer($"{range.Name}.bias", bias.detach().narrow(0, range.First, range.Count).Times(range.Factor))]);

    private string? Named(Tensor? parameter, string name) => parameter is null ? null : graph.Initializer(name, parameter);
}
