using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using IsVit.Onnx.Schema;
using TorchSharp;

namespace IsVit.Onnx.Graph;

/// <summary>An ONNX graph that is being built: nodes in the order in which they run, constants, names that are unique.</summary>
internal sealed class OnnxGraph
{
    // The lowest versions that have what graphs are made of: Gelu, and types of four bits.
    private static readonly (int OperatorSet, int Ir) s_usual = (20, 9);
    private static readonly (int OperatorSet, int Ir) s_withInt4 = (21, 10);

    private readonly GraphProto _graph;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<(TensorProto.Types.DataType Type, string Shape, ByteString Data), string> _constants = [];
    private string _scope = "";

    /// <summary>Starts a graph.</summary>
    /// <param name="name">Its name.</param>
    public OnnxGraph(string name) => _graph = new GraphProto { Name = name };

    /// <summary>The graph's message.</summary>
    public GraphProto Message => _graph;

    /// <summary>The graph as a model that asks for no higher versions of the standard than it needs: each version of a runtime knows them up to one.</summary>
    public ModelProto Model()
    {
        var (operatorSet, ir) = _graph.Initializer.Any(static constant => constant.DataType == (int)TensorProto.Types.DataType.Uint4) ? s_withInt4 : s_usual;
        return new() { IrVersion = ir, Graph = _graph, OpsetImport = { new OperatorSetIdProto { Version = operatorSet } } };
    }

    /// <summary>Names of nodes and values begin with a module's path from here on.</summary>
    /// <param name="path">The path; empty for the model itself.</param>
    public void Enter(string path) => _scope = path;

    /// <summary>An input of float32 numbers.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="batch">The name of the axis of images.</param>
    /// <param name="shape">The other axes.</param>
    public string Input(string name, string batch, params ReadOnlySpan<long> shape)
    {
        _graph.Input.Add(Value(name, TensorProto.Types.DataType.Float, BatchFirst(batch, shape)));
        return Reserve(name);
    }

    /// <summary>An input of float32 numbers.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="axes">Its axes.</param>
    public string Input(string name, ReadOnlySpan<GraphAxis> axes)
    {
        _graph.Input.Add(Value(name, TensorProto.Types.DataType.Float, axes));
        return Reserve(name);
    }

    /// <summary>Makes a value an output of float32 numbers.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">What it is called from outside.</param>
    /// <param name="batch">The name of the axis of images.</param>
    /// <param name="shape">The other axes.</param>
    public void Output(string value, string name, string batch, params ReadOnlySpan<long> shape) => Output(value, name, TensorProto.Types.DataType.Float, BatchFirst(batch, shape));

    /// <summary>Makes a value an output.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">What it is called from outside.</param>
    /// <param name="type">The type of its numbers.</param>
    /// <param name="axes">Its axes.</param>
    public void Output(string value, string name, TensorProto.Types.DataType type, ReadOnlySpan<GraphAxis> axes)
    {
        _graph.Node.Add(new NodeProto { OpType = "Identity", Name = Unique(name + "_node"), Input = { value }, Output = { Reserve(name) } });
        _graph.Output.Add(Value(name, type, axes));
    }

    /// <summary>Adds a node with one output.</summary>
    /// <param name="operation">The operator.</param>
    /// <param name="inputs">Its inputs; empty for one that is left out.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <returns>The output's name.</returns>
    public string Add(string operation, ReadOnlySpan<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        var name = Unique(_scope.Length == 0 ? operation : $"{_scope}/{operation}");
        var node = new NodeProto { OpType = operation, Name = name };
        foreach (var input in inputs)
        {
            node.Input.Add(input);
        }

        foreach (var attribute in attributes)
        {
            node.Attribute.Add(attribute);
        }

        var output = Unique($"{name}_output");
        node.Output.Add(output);
        _graph.Node.Add(node);
        return output;
    }

    /// <summary>Adds a node with several outputs.</summary>
    /// <param name="count">How many.</param>
    /// <param name="operation">The operator.</param>
    /// <param name="inputs">Its inputs; empty for one that is left out.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <returns>The outputs' names.</returns>
    public string[] Add(int count, string operation, ReadOnlySpan<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        Add(operation, inputs, attributes);
        var node = _graph.Node[^1];
        while (node.Output.Count < count)
        {
            node.Output.Add(Unique($"{node.Name}_output"));
        }

        return [.. node.Output];
    }

    /// <summary>Splits a value into parts of one size.</summary>
    /// <param name="value">The value.</param>
    /// <param name="axis">The axis that is cut.</param>
    /// <param name="count">The number of parts.</param>
    public string[] Split(string value, int axis, int count) => Add(count, "Split", [value], Attribute("axis", axis), Attribute("num_outputs", count));

    /// <summary>A constant under a name of its own.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="tensor">Its numbers: float32, int64, int32, uint8, int8 or bool.</param>
    public string Initializer(string name, torch.Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        var plain = tensor.detach().cpu().contiguous();
        return Initializer(name, TypeOf(plain.dtype), plain.shape, plain.numel() == 0 ? [] : plain.bytes);
    }

    /// <summary>A constant under a name of its own.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Its type.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="data">Its numbers, little-endian; two to a byte for types of four bits, the first in the low half.</param>
    public string Initializer(string name, TensorProto.Types.DataType type, ReadOnlySpan<long> shape, ReadOnlySpan<byte> data)
    {
        var unique = Unique(name);
        _graph.Initializer.Add(new TensorProto { Name = unique, DataType = (int)type, RawData = ByteString.CopyFrom(data), Dims = { shape.ToArray() } });
        return unique;
    }

    /// <summary>A small constant, shared by all that ask for the same.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="data">Its numbers, little-endian.</param>
    public string Constant(TensorProto.Types.DataType type, ReadOnlySpan<long> shape, ReadOnlySpan<byte> data)
    {
        var key = (type, string.Join(',', shape.ToArray()), ByteString.CopyFrom(data));
        if (!_constants.TryGetValue(key, out var name))
        {
            _constants[key] = name = Initializer(string.Create(CultureInfo.InvariantCulture, $"constant_{_constants.Count}"), type, shape, data);
        }

        return name;
    }

    /// <summary>A list of whole numbers, such as a shape.</summary>
    public string Integers(params ReadOnlySpan<long> values) => Constant(TensorProto.Types.DataType.Int64, [values.Length], LittleEndian(values));

    /// <summary>One whole number.</summary>
    public string Integer(long value) => Constant(TensorProto.Types.DataType.Int64, [], LittleEndian([value]));

    /// <summary>One int32 number.</summary>
    public string Int32(int value) => Constant(TensorProto.Types.DataType.Int32, [], LittleEndian([value]));

    /// <summary>One float32 number.</summary>
    public string Number(float value) => Constant(TensorProto.Types.DataType.Float, [], LittleEndian([value]));

    /// <summary>Float32 numbers.</summary>
    /// <param name="values">The numbers, in the order of <paramref name="shape"/>.</param>
    /// <param name="shape">Their axes.</param>
    public string Numbers(ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) => Constant(TensorProto.Types.DataType.Float, shape, LittleEndian(values));

    /// <summary>One uint8 number.</summary>
    public string Byte(byte value) => Constant(TensorProto.Types.DataType.Uint8, [], [value]);

    /// <summary>An attribute that is a whole number.</summary>
    public static AttributeProto Attribute(string name, long value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    /// <summary>An attribute that is a number.</summary>
    public static AttributeProto Attribute(string name, float value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = value };

    /// <summary>An attribute that is a list of whole numbers.</summary>
    public static AttributeProto Attribute(string name, params ReadOnlySpan<long> values) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { values.ToArray() } };

    /// <summary>An attribute that is a text.</summary>
    public static AttributeProto Attribute(string name, string value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8(value) };

    /// <summary>What the standard calls a type.</summary>
    public static string NameOf(TensorProto.Types.DataType type) => type.ToString().ToLowerInvariant();

    private static TensorProto.Types.DataType TypeOf(torch.ScalarType type) => type switch
    {
        torch.ScalarType.Float32 => TensorProto.Types.DataType.Float,
        torch.ScalarType.Int64 => TensorProto.Types.DataType.Int64,
        torch.ScalarType.Int32 => TensorProto.Types.DataType.Int32,
        torch.ScalarType.Byte => TensorProto.Types.DataType.Uint8,
        torch.ScalarType.Int8 => TensorProto.Types.DataType.Int8,
        torch.ScalarType.Bool => TensorProto.Types.DataType.Bool,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "A constant is float32, int64, int32, uint8, int8 or bool."),
    };

    private static ReadOnlySpan<byte> LittleEndian<T>(ReadOnlySpan<T> values)
        where T : unmanaged => BitConverter.IsLittleEndian ? MemoryMarshal.AsBytes(values) : throw new PlatformNotSupportedException("Exporting needs a little-endian processor.");

    private static GraphAxis[] BatchFirst(string batch, ReadOnlySpan<long> shape)
    {
        var axes = new GraphAxis[shape.Length + 1];
        axes[0] = batch;
        for (var i = 0; i < shape.Length; i++)
        {
            axes[i + 1] = shape[i];
        }

        return axes;
    }

    private static ValueInfoProto Value(string name, TensorProto.Types.DataType type, ReadOnlySpan<GraphAxis> axes)
    {
        var dimensions = new TensorShapeProto();
        foreach (var axis in axes)
        {
            dimensions.Dim.Add(axis.Name is { } any ? new TensorShapeProto.Types.Dimension { DimParam = any } : new TensorShapeProto.Types.Dimension { DimValue = axis.Length });
        }

        return new() { Name = name, Type = new TypeProto { TensorType = new() { ElemType = (int)type, Shape = dimensions } } };
    }

    private string Reserve(string name) => _names.Add(name) ? name : throw new ArgumentException($"The graph has a '{name}' already.", nameof(name));

    private string Unique(string name)
    {
        var unique = name;
        for (var i = 1; !_names.Add(unique); i++)
        {
            unique = string.Create(CultureInfo.InvariantCulture, $"{name}_{i}");
        }

        return unique;
    }
}
