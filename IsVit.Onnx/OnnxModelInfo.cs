using Google.Protobuf;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Schema;

namespace IsVit.Onnx;

/// <summary>The contents of an ONNX file; reading it needs no runtime.</summary>
/// <param name="OperatorSet">The version of the operator set.</param>
/// <param name="Metadata">The model's metadata.</param>
/// <param name="Operators">The number of nodes of each operator, in descending order.</param>
/// <param name="Constants">The constants, in the file's order.</param>
/// <param name="FileBytes">The length of the file, in bytes.</param>
public sealed record OnnxModelInfo(
    long OperatorSet, IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<KeyValuePair<string, int>> Operators, IReadOnlyList<OnnxConstantInfo> Constants, long FileBytes)
{
    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="OnnxFileException">The file is not an ONNX model.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static OnnxModelInfo Read(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var bytes = File.ReadAllBytes(path);
        ModelProto model;
        try
        {
            model = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException error)
        {
            throw new OnnxFileException($"{path}: no ONNX model: {error.Message}", error);
        }

        if (model.Graph is not { Node.Count: > 0 } graph || model.OpsetImport.FirstOrDefault(static set => set.Domain.Length == 0) is not { } standard)
        {
            throw new OnnxFileException($"{path}: no ONNX model: it has no graph with nodes, or names no operator set.");
        }

        return new(
            standard.Version,
            model.MetadataProps.GroupBy(static entry => entry.Key).ToDictionary(static group => group.Key, static group => group.Last().Value, StringComparer.Ordinal),
            [.. graph.Node.GroupBy(static node => node.OpType).Select(static group => KeyValuePair.Create(group.Key, group.Count())).OrderByDescending(static entry => entry.Value).ThenBy(static entry => entry.Key, StringComparer.Ordinal)],
            [.. graph.Initializer.Select(static tensor => new OnnxConstantInfo(tensor.Name, OnnxGraph.NameOf((TensorProto.Types.DataType)tensor.DataType), [.. tensor.Dims], tensor.RawData.Length))],
            bytes.LongLength);
    }
}
