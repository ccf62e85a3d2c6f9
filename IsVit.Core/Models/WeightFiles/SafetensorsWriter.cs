using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>Writes safetensors files. The same tensors and texts give the same bytes, in whatever order they come.</summary>
public static class SafetensorsWriter
{
    private const int ChunkBytes = 1 << 26;

    // A header stands in no web page; quotes in texts take two bytes instead of six.
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Writes a file: first beside it, then in its place, so that no reader ever sees half a file. Tensors are written one at a time; one that is on
    /// another device or not contiguous is copied for as long as it is written.
    /// </summary>
    /// <param name="path">The file; replaced if it exists. Its folder must exist.</param>
    /// <param name="entries">Names and tensors: float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8 or bool.</param>
    /// <param name="metadata">Texts to keep beside the tensors.</param>
    /// <exception cref="ArgumentException">A name comes twice or is reserved, or a tensor's type is not supported.</exception>
    /// <exception cref="WeightFileException">The header would be longer than the format allows.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(
        string path,
        IEnumerable<KeyValuePair<string, torch.Tensor>> entries,
        IReadOnlyDictionary<string, string>? metadata = null) => Write(path, entries, metadata, withChecksums: false);

    /// <summary>Writes a file that <see cref="SafetensorsFile.VerifyChecksums"/> can check.</summary>
    /// <param name="path">The file; replaced if it exists. Its folder must exist.</param>
    /// <param name="entries">Names and tensors, as for <see cref="Write(string, IEnumerable{KeyValuePair{string, torch.Tensor}}, IReadOnlyDictionary{string, string}?)"/>.</param>
    /// <param name="metadata">Texts to keep beside the tensors.</param>
    /// <param name="withChecksums">Whether a tensor <see cref="SafetensorsFile.ChecksumsName"/> is added.</param>
    internal static void Write(string path, IEnumerable<KeyValuePair<string, torch.Tensor>> entries, IReadOnlyDictionary<string, string>? metadata, bool withChecksums)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        WholeFile.Write(path, stream => Write(stream, path, entries, metadata, withChecksums), bufferSize: 0);
    }

    /// <summary>Writes the same to a stream, from where it stands.</summary>
    internal static void Write(Stream stream, IEnumerable<KeyValuePair<string, torch.Tensor>> entries, IReadOnlyDictionary<string, string>? metadata, bool withChecksums) =>
        Write(stream, "stream", entries, metadata, withChecksums);

    private static void Write(Stream stream, string name, IEnumerable<KeyValuePair<string, torch.Tensor>> entries, IReadOnlyDictionary<string, string>? metadata, bool withChecksums)
    {
        ArgumentNullException.ThrowIfNull(entries);
        using var scope = torch.NewDisposeScope();
        var all = entries.ToList();
        var checksums = torch.zeros([all.Count + 1, sizeof(uint)], torch.ScalarType.Byte);
        var sorted = Sorted(withChecksums ? [.. all, new(SafetensorsFile.ChecksumsName, checksums)] : all);
        var header = Header(name, sorted, metadata);
        if (withChecksums)
        {
            Sum(header, sorted, checksums.bytes);
        }

        stream.Write(header);
        foreach (var entry in sorted)
        {
            ForEachChunk(entry.Tensor, stream.Write);
        }
    }

    // Wide elements first, so that every tensor is aligned to its element size.
    private static List<Entry> Sorted(IEnumerable<KeyValuePair<string, torch.Tensor>> entries)
    {
        var all = new List<Entry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, tensor) in entries)
        {
            if (name == SafetensorsHeader.MetadataName || !names.Add(name))
            {
                throw new ArgumentException($"The name '{name}' {(name == SafetensorsHeader.MetadataName ? "is reserved" : "comes twice")}.", nameof(entries));
            }

            if (!WeightDType.TryFind(tensor.dtype, out var type))
            {
                throw new ArgumentException($"Tensor '{name}' is of type {tensor.dtype}; expected one of {WeightDType.SupportedNames}.", nameof(entries));
            }

            all.Add(new Entry(name, type, tensor, tensor.shape, tensor.NumberOfElements * (type.Bits / 8)));
        }

        return [.. all.OrderByDescending(e => e.Type.Bits).ThenBy(e => e.Name, StringComparer.Ordinal)];
    }

    private static byte[] Header(string path, List<Entry> entries, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        buffer.Write(stackalloc byte[SafetensorsFile.LengthBytes]);
        using (var json = new Utf8JsonWriter(buffer, s_json))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsHeader.MetadataName);
                foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            var offset = 0L;
            foreach (var entry in entries)
            {
                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", entry.Type.Name);
                WriteNumbers(json, "shape", entry.Shape);
                WriteNumbers(json, "data_offsets", [offset, offset + entry.ByteCount]);
                json.WriteEndObject();
                offset += entry.ByteCount;
            }

            json.WriteEndObject();
        }

        // Spaces, so that the data begins at a multiple of eight.
        while (buffer.Length % 8 != 0)
        {
            buffer.WriteByte((byte)' ');
        }

        var header = buffer.ToArray();
        var length = header.Length - SafetensorsFile.LengthBytes;
        if (length > SafetensorsFile.MaxHeaderLength)
        {
            throw new WeightFileException(path, null, $"a header of at most {SafetensorsFile.MaxHeaderLength} bytes", $"{length} for {entries.Count} tensors");
        }

        BinaryPrimitives.WriteInt64LittleEndian(header, length);
        return header;
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, ReadOnlySpan<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }

    // The header's first, then those of the tensors in the order in which they lie in the file.
    private static void Sum(ReadOnlySpan<byte> header, List<Entry> entries, Span<byte> checksums)
    {
        var crc = default(Crc32C);
        crc.Append(header);
        Put(crc, checksums);
        foreach (var entry in entries.Where(static entry => entry.Name != SafetensorsFile.ChecksumsName))
        {
            checksums = checksums[sizeof(uint)..];
            crc = default;
            ForEachChunk(entry.Tensor, bytes => crc.Append(bytes));
            Put(crc, checksums);
        }

        static void Put(Crc32C crc, Span<byte> checksums) => BinaryPrimitives.WriteUInt32LittleEndian(checksums, crc.Value);
    }

    private static void ForEachChunk(torch.Tensor tensor, ReadOnlySpanAction take)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var flat = tensor.detach().cpu().contiguous().view(-1);
        var step = ChunkBytes / flat.ElementSize;
        for (var done = 0L; done < flat.shape[0]; done += step)
        {
            using var part = flat.narrow(0, done, Math.Min(step, flat.shape[0] - done));
            take(part.bytes);
        }
    }

    private delegate void ReadOnlySpanAction(ReadOnlySpan<byte> bytes);

    private sealed record Entry(string Name, WeightDType Type, torch.Tensor Tensor, long[] Shape, long ByteCount);
}
