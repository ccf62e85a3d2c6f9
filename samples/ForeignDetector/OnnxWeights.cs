using System.Runtime.InteropServices;
using IsVit.Onnx.Schema;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ForeignDetector;

/// <summary>The layers of an ONNX file as TorchSharp modules, by the path of the PyTorch module that each of them was exported from.</summary>
/// <remarks>
/// Exporters fold batch normalisation into convolutions and give what they fold new names, so tensors are found by the node that reads them: a node is named after the module that ran it, with the name of a list in
/// front of its members' (<c>/model/backbone/stages.0/blocks/blocks.0/conv/Conv</c> for <c>backbone.stages.0.blocks.0.conv</c>).
/// </remarks>
internal sealed class OnnxWeights
{
    private readonly Dictionary<string, TensorProto> _tensors;
    private readonly Dictionary<string, NodeProto> _nodes;
    private readonly ILookup<string, NodeProto> _readers;
    private readonly GraphProto _graph;

    private OnnxWeights(GraphProto graph)
    {
        _graph = graph;
        _tensors = graph.Initializer.ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
        _nodes = graph.Node.GroupBy(static node => PathOf(node.Name), StringComparer.Ordinal).ToDictionary(static nodes => nodes.Key, static nodes => nodes.First(), StringComparer.Ordinal);
        _readers = graph.Node.SelectMany(static node => node.Input.Select(input => (input, node))).ToLookup(static pair => pair.input, static pair => pair.node, StringComparer.Ordinal);
    }

    /// <summary>Height and width of the images that the graph takes.</summary>
    public int ImageSize => (int)_graph.Input[0].Type.TensorType.Shape.Dim[2].DimValue;

    public static OnnxWeights Read(string path)
    {
        using var file = File.OpenRead(path);
        return new OnnxWeights(ModelProto.Parser.ParseFrom(file).Graph);
    }

    /// <summary>Whether the file holds a tensor.</summary>
    public bool Has(string name) => _tensors.ContainsKey(name);

    /// <summary>A float32 tensor of the file.</summary>
    public Tensor Values(string name)
    {
        var found = _tensors.TryGetValue(name, out var held) && held.DataType == (int)TensorProto.Types.DataType.Float
            ? held
            : throw new InvalidDataException($"The file has no float32 tensor '{name}'.");
        return tensor(MemoryMarshal.Cast<byte, float>(found.RawData.Span).ToArray(), [.. found.Dims]);
    }

    /// <summary>How many elements a TopK of the graph keeps.</summary>
    public int Count(string path)
    {
        var count = _tensors[Node(path, "TopK").Input[1]];
        return (int)MemoryMarshal.Cast<byte, long>(count.RawData.Span)[0];
    }

    /// <summary>A convolution with its weights. Padding that differs from side to side is left to <see cref="ConvolutionUnit"/>.</summary>
    public Conv2d Convolution(string path)
    {
        var node = Node(path, "Conv");
        var weight = Values(node.Input[1]);
        var (groups, stride, pads) = (node.Attribute.Single(static a => a.Name == "group").I, Numbers(node, "strides")[0], Padding(path));
        var layer = nn.Conv2d(
            weight.shape[1] * groups, weight.shape[0], (weight.shape[2], weight.shape[3]), (stride, stride), IsSymmetric(pads) ? (pads[0], pads[1]) : (0, 0), groups: groups);
        layer.weight = new Parameter(weight);
        layer.bias = new Parameter(Values(node.Input[2]));
        return layer;
    }

    /// <summary>Rows at the top, columns at the left, rows at the bottom, columns at the right.</summary>
    public long[] Padding(string path) => Numbers(Node(path, "Conv"), "pads");

    public static bool IsSymmetric(long[] pads) => pads[0] == pads[2] && pads[1] == pads[3];

    /// <summary>A linear layer with its weights.</summary>
    /// <param name="path">The module's path.</param>
    /// <param name="operation">The node inside it: a module that computes several products itself numbers them.</param>
    public Linear Linear(string path, string operation = "MatMul")
    {
        var node = Node(path, operation);
        if (node.OpType == "Gemm")
        {
            return nn.Linear(new Parameter(Values(node.Input[1])), new Parameter(Values(node.Input[2])));
        }

        // x w + b in ONNX, x w^T + b in PyTorch.
        var sum = _readers[node.Output[0]].Single(static reader => reader.OpType == "Add");
        return nn.Linear(
            new Parameter(Values(node.Input[1]).t().contiguous()),
            new Parameter(Values(sum.Input.Single(_tensors.ContainsKey))));
    }

    private static long[] Numbers(NodeProto node, string attribute) => [.. node.Attribute.Single(a => a.Name == attribute).Ints];

    private static string PathOf(string name)
    {
        var parts = name.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return string.Join('.', parts.Where((part, i) => !(i == 0 && part == "model") && !(i + 1 < parts.Length && parts[i + 1].StartsWith(part + ".", StringComparison.Ordinal))));
    }

    private NodeProto Node(string path, string operation) => _nodes.TryGetValue($"{path}.{operation}", out var node)
        ? node
        : throw new InvalidDataException($"The file's graph has no {operation} of a module '{path}'.");
}
