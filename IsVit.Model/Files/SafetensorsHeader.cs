using System.Text.Json;

namespace IsVit.Model.Files;

/// <summary>
/// The JSON header of a safetensors file: name to dtype, shape and data_offsets (from the header's end), and texts under __metadata__. The tensors
/// must cover the data without hole or overlap.
/// </summary>
internal sealed class SafetensorsHeader
{
    public const string MetadataName = "__metadata__";

    private const int MaxRank = 64;

    private readonly string _path;
    private readonly long _dataOffset;
    private readonly long _dataLength;
    private readonly List<TensorEntry> _tensors = [];
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader(string path, long dataOffset, long dataLength)
    {
        _path = path;
        _dataOffset = dataOffset;
        _dataLength = dataLength;
    }

    public IReadOnlyList<TensorEntry> Tensors => _tensors;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long dataOffset, long dataLength)
    {
        var header = new SafetensorsHeader(path, dataOffset, dataLength);
        if (json.IsEmpty || json[0] != (byte)'{')
        {
            throw new WeightFileException(path, null, "a safetensors header that begins with '{'", json.IsEmpty ? "an empty one" : $"the byte 0x{json[0]:x2}");
        }

        try
        {
            header.ReadAll(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new WeightFileException(path, null, "a header in JSON", WeightFileException.Shortened(e.Message), e);
        }

        header.RequireNoHoles();
        return header;
    }

    private void ReadAll(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        var names = new HashSet<string>(StringComparer.Ordinal);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            if (!names.Add(name))
            {
                throw new WeightFileException(_path, name, "each name once", "it twice");
            }

            reader.Read();
            if (name == MetadataName)
            {
                ReadMetadata(ref reader);
            }
            else
            {
                ReadTensor(ref reader, name);
            }
        }

        // The reader throws at anything but white space after the closing brace.
        reader.Read();
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        Require(reader.TokenType == JsonTokenType.StartObject, MetadataName, "an object of texts", Describe(ref reader));
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            Require(reader.TokenType == JsonTokenType.String, MetadataName, $"a text as '{WeightFileException.Shortened(key)}'", Describe(ref reader));
            Require(_metadata.TryAdd(key, reader.GetString()!), MetadataName, $"'{WeightFileException.Shortened(key)}' once", "it twice");
        }
    }

    private void ReadTensor(ref Utf8JsonReader reader, string name)
    {
        Require(reader.TokenType == JsonTokenType.StartObject, name, "an object with dtype, shape and data_offsets", Describe(ref reader));
        string? typeName = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            switch (key)
            {
                case "dtype" when typeName is null:
                    Require(reader.TokenType == JsonTokenType.String, name, "a text as dtype", Describe(ref reader));
                    typeName = reader.GetString()!;
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref reader, name, "shape", MaxRank);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref reader, name, "data_offsets", 2);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw new WeightFileException(_path, name, $"{key} once", "it twice");
                default:
                    reader.Skip();
                    break;
            }
        }

        Require(typeName is not null, name, "a dtype", "none");
        Require(shape is not null, name, "a shape", "none");
        Require(offsets is { Count: 2 }, name, "two data_offsets", offsets is null ? "none" : $"{offsets.Count}");
        AddTensor(name, typeName!, shape!, offsets![0], offsets[1]);
    }

    private List<long> ReadNumbers(ref Utf8JsonReader reader, string name, string key, int most)
    {
        Require(reader.TokenType == JsonTokenType.StartArray, name, $"an array as {key}", Describe(ref reader));
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0)
            {
                throw new WeightFileException(_path, name, $"whole numbers from 0 in {key}", Describe(ref reader));
            }

            Require(numbers.Count < most, name, FormattableString.Invariant($"at most {most} numbers in {key}"), "more");
            numbers.Add(number);
        }

        return numbers;
    }

    private void AddTensor(string name, string typeName, List<long> shape, long begin, long end)
    {
        if (!ElementType.TryFind(typeName, out var type))
        {
            throw new WeightFileException(_path, name, $"a dtype of the safetensors format ({ElementType.Names})", $"'{WeightFileException.Shortened(typeName)}'");
        }

        Require(begin <= end && end <= _dataLength, name, FormattableString.Invariant($"data_offsets in order and within the file's {_dataLength} bytes of data"), FormattableString.Invariant($"[{begin}, {end}]"));
        var bytes = type.ByteCount(shape);
        Require(
            bytes == end - begin,
            name,
            bytes is null ? $"a size in bytes that {typeName} [{string.Join(", ", shape)}] can have" : FormattableString.Invariant($"{bytes} bytes for {typeName} [{string.Join(", ", shape)}]"),
            FormattableString.Invariant($"{end - begin}"));
        _tensors.Add(new TensorEntry(name, typeName, [.. shape], _dataOffset + begin, end - begin));
    }

    private void RequireNoHoles()
    {
        var next = _dataOffset;
        foreach (var tensor in _tensors.OrderBy(t => t.Offset).ThenBy(t => t.ByteCount))
        {
            Require(
                tensor.Offset == next,
                tensor.Name,
                FormattableString.Invariant($"data from {next - _dataOffset}, where the tensor before it ends"),
                FormattableString.Invariant($"data from {tensor.Offset - _dataOffset}, {(tensor.Offset > next ? "a hole" : "an overlap")}"));
            next += tensor.ByteCount;
        }

        Require(next == _dataOffset + _dataLength, null, FormattableString.Invariant($"{next - _dataOffset} bytes of data, what the tensors have together"), FormattableString.Invariant($"{_dataLength}"));
    }

    private void Require(bool condition, string? tensor, string expected, string found)
    {
        if (!condition)
        {
            throw new WeightFileException(_path, tensor, expected, found);
        }
    }

    private static string Describe(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number => $"the number {WeightFileException.Shortened(System.Text.Encoding.UTF8.GetString(reader.ValueSpan))}",
        JsonTokenType.String => "a text",
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.True or JsonTokenType.False => "true or false",
        _ => "null",
    };
}
