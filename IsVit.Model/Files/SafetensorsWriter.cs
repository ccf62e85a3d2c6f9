using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace IsVit.Model.Files;

/// <summary>Writes safetensors files. The same tensors and metadata give the same bytes, whatever their order.</summary>
public static class SafetensorsWriter
{
    // A header is not part of a web page; quotes in metadata take two bytes instead of six.
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a file: first to a temporary file in the same folder, which then replaces it, so that no reader ever sees a partial file.</summary>
    /// <param name="path">The file; replaced if it exists. Its folder must exist.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">Additional texts to store with the tensors.</param>
    /// <param name="withChecksums">Whether to add a tensor of checksums, which <see cref="SafetensorsReader.VerifyChecksums"/> verifies.</param>
    /// <exception cref="ArgumentException">A name is duplicate or reserved.</exception>
    /// <exception cref="WeightFileException">The header would be longer than the format allows.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<KeyValuePair<string, TensorData>> tensors, IReadOnlyDictionary<string, string>? metadata = null, bool withChecksums = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        WholeFile.Write(path, stream => Write(stream, path, tensors, metadata, withChecksums), bufferSize: 0);
    }

    /// <summary>Writes the same to a stream.</summary>
    /// <param name="stream">Written from its current position; it need not be seekable.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">Additional texts to store with the tensors.</param>
    /// <param name="withChecksums">Whether to add a tensor of checksums.</param>
    /// <exception cref="ArgumentException">A name is duplicate or reserved.</exception>
    /// <exception cref="WeightFileException">The header would be longer than the format allows.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public static void Write(Stream stream, IEnumerable<KeyValuePair<string, TensorData>> tensors, IReadOnlyDictionary<string, string>? metadata = null, bool withChecksums = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Write(stream, "stream", tensors, metadata, withChecksums);
    }

    private static void Write(Stream stream, string name, IEnumerable<KeyValuePair<string, TensorData>> tensors, IReadOnlyDictionary<string, string>? metadata, bool withChecksums)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var all = tensors.ToList();
        var checksums = new byte[(all.Count + 1) * sizeof(uint)];
        var sorted = Sorted(withChecksums ? [.. all, new(SafetensorsReader.ChecksumsName, TensorData.Of(checksums, all.Count + 1, sizeof(uint)))] : all);
        var header = Header(name, sorted, metadata);
        if (withChecksums)
        {
            Sum(header, sorted, checksums);
        }

        stream.Write(header);
        foreach (var (tensorName, data) in sorted)
        {
            var counted = new CountedStream(stream);
            data.WriteTo(counted);
            if (counted.Length != data.ByteCount)
            {
                throw new InvalidOperationException(FormattableString.Invariant($"Tensor '{tensorName}' wrote {counted.Length} bytes; expected {data.ByteCount} for {data.ElementType} [{string.Join(", ", data.Shape)}]."));
            }
        }
    }

    // Wide elements first, so that every tensor is aligned to its element size.
    private static List<KeyValuePair<string, TensorData>> Sorted(List<KeyValuePair<string, TensorData>> tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, _) in tensors)
        {
            if (name == SafetensorsHeader.MetadataName || !names.Add(name))
            {
                throw new ArgumentException($"The name '{name}' {(name == SafetensorsHeader.MetadataName ? "is reserved" : "comes twice")}.", nameof(tensors));
            }
        }

        return [.. tensors.OrderByDescending(static tensor => tensor.Value.Type.Bits).ThenBy(static tensor => tensor.Key, StringComparer.Ordinal)];
    }

    private static byte[] Header(string path, List<KeyValuePair<string, TensorData>> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        buffer.Write(stackalloc byte[SafetensorsReader.LengthBytes]);
        using (var json = new Utf8JsonWriter(buffer, s_json))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsHeader.MetadataName);
                foreach (var (key, value) in metadata.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            var offset = 0L;
            foreach (var (name, data) in tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", data.ElementType);
                WriteNumbers(json, "shape", data.Shape);
                WriteNumbers(json, "data_offsets", [offset, offset + data.ByteCount]);
                json.WriteEndObject();
                offset += data.ByteCount;
            }

            json.WriteEndObject();
        }

        // Spaces, so that the data begins at a multiple of eight.
        while (buffer.Length % 8 != 0)
        {
            buffer.WriteByte((byte)' ');
        }

        var header = buffer.ToArray();
        var length = header.Length - SafetensorsReader.LengthBytes;
        if (length > SafetensorsReader.MaxHeaderLength)
        {
            throw new WeightFileException(path, null, $"a header of at most {SafetensorsReader.MaxHeaderLength} bytes", FormattableString.Invariant($"{length} for {tensors.Count} tensors"));
        }

        BinaryPrimitives.WriteInt64LittleEndian(header, length);
        return header;
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IReadOnlyList<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }

    // The header's first, then those of the tensors in the order in which they lie in the file.
    private static void Sum(ReadOnlySpan<byte> header, List<KeyValuePair<string, TensorData>> tensors, Span<byte> checksums)
    {
        var crc = default(Crc32C);
        crc.Append(header);
        BinaryPrimitives.WriteUInt32LittleEndian(checksums, crc.Value);
        foreach (var (_, data) in tensors.Where(static tensor => tensor.Key != SafetensorsReader.ChecksumsName))
        {
            checksums = checksums[sizeof(uint)..];
            var sum = new CountedStream(Stream.Null);
            data.WriteTo(sum);
            BinaryPrimitives.WriteUInt32LittleEndian(checksums, sum.Checksum);
        }
    }

    /// <summary>Passes on what is written, counts it and sums it up.</summary>
    private sealed class CountedStream(Stream target) : Stream
    {
        private Crc32C _checksum;
        private long _length;

        public uint Checksum => _checksum.Value;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _length;

        public override long Position
        {
            get => _length;
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _checksum.Append(buffer);
            _length += buffer.Length;
            target.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => target.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
