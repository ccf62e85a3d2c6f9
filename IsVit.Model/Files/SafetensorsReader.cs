using System.Buffers.Binary;

namespace IsVit.Model.Files;

/// <summary>
/// A safetensors file, open for reading: an eight-byte header length, a JSON header, the tensors' raw little-endian bytes. The file is memory-mapped,
/// and its header is fully validated against the file when it is opened. Several threads may read at the same time.
/// </summary>
public sealed class SafetensorsReader : IDisposable
{
    /// <summary>The tensor of checksums, if the file has one: U8 [1 + other tensors, 4], each row a CRC-32C, lowest byte first; the header's (with its length), then the other tensors', in the order in which they lie in the file.</summary>
    internal const string ChecksumsName = "isvit.checksums";

    internal const int LengthBytes = 8;
    internal const int MaxHeaderLength = 100_000_000;
    private const int ChunkBytes = 1 << 26;

    internal SafetensorsReader(MappedFile file)
    {
        var header = ReadHeader(file);
        File = file;
        Tensors = header.Tensors.ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
        Metadata = header.Metadata;
    }

    /// <summary>The file's full path.</summary>
    public string FilePath => File.FilePath;

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>The texts that the file contains besides its tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    internal MappedFile File { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="WeightFileException">The file is not a safetensors file, or is corrupt.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static SafetensorsReader Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = MappedFile.Open(path);
        try
        {
            return new SafetensorsReader(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A tensor's elements as stored in the file: row-major, little-endian. Valid until the reader is disposed; copy what is needed longer.</summary>
    /// <param name="name">One of <see cref="Tensors"/>.</param>
    /// <exception cref="WeightFileException">No tensor has that name, it has 2 GiB or more, or the file was truncated after it was opened.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var entry = Find(name);
        File.RequireNotShortened(name);
        return entry.ByteCount <= int.MaxValue
            ? File.Slice(entry.Offset, entry.ByteCount)
            : throw new WeightFileException(FilePath, name, $"at most {int.MaxValue} bytes to be read at once", FormattableString.Invariant($"{entry.ByteCount}; read it in parts"));
    }

    /// <summary>Returns a part of a tensor's bytes, for tensors of any size.</summary>
    /// <param name="name">One of <see cref="Tensors"/>.</param>
    /// <param name="offset">The start of the part, in bytes from the tensor's first byte.</param>
    /// <param name="count">Its length in bytes.</param>
    /// <exception cref="WeightFileException">No tensor has that name, or the file was truncated after it was opened.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The part is not within the tensor.</exception>
    public ReadOnlySpan<byte> Bytes(string name, long offset, int count)
    {
        var entry = Find(name);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, entry.ByteCount - count);
        File.RequireNotShortened(name);
        return File.Slice(entry.Offset + offset, count);
    }

    /// <summary>Verifies that nothing in the file has changed since it was written.</summary>
    /// <exception cref="WeightFileException">The checksum of a tensor or of the header differs from the stored one, or the file contains no checksum for it.</exception>
    public void VerifyChecksums()
    {
        var tensors = Tensors.Values.Where(static tensor => tensor.Name != ChecksumsName).OrderBy(static tensor => tensor.Offset).ThenBy(static tensor => tensor.ByteCount).ToList();
        if (!Tensors.TryGetValue(ChecksumsName, out var info) || !info.Is("U8", tensors.Count + 1, sizeof(uint)))
        {
            throw new WeightFileException(FilePath, ChecksumsName, FormattableString.Invariant($"U8 [{tensors.Count + 1}, {sizeof(uint)}]"), info is null ? "no such tensor" : $"{info.ElementType} [{string.Join(", ", info.Shape)}]");
        }

        var expected = File.Slice(info.Offset, info.ByteCount);
        Verify(null, 0, Tensors.Values.Min(static tensor => tensor.Offset), expected);
        foreach (var tensor in tensors)
        {
            expected = expected[sizeof(uint)..];
            Verify(tensor.Name, tensor.Offset, tensor.ByteCount, expected);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();

    internal static bool LooksLike(MappedFile file) => file.Length > LengthBytes && file.Slice(LengthBytes, 1)[0] == (byte)'{';

    private TensorEntry Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Tensors.TryGetValue(name, out var entry)
            ? entry
            : throw new WeightFileException(FilePath, name, $"one of the file's {Tensors.Count} tensors", "no tensor of that name");
    }

    private void Verify(string? tensor, long offset, long count, ReadOnlySpan<byte> expected)
    {
        var crc = default(Crc32C);
        for (var done = 0L; done < count; done += ChunkBytes)
        {
            crc.Append(File.Slice(offset + done, Math.Min(ChunkBytes, count - done)));
        }

        if (crc.Value != BinaryPrimitives.ReadUInt32LittleEndian(expected))
        {
            throw new WeightFileException(FilePath, tensor, $"{(tensor is null ? "a header" : "data")} with the checksum {BinaryPrimitives.ReadUInt32LittleEndian(expected):x8}, as it was written", $"{crc.Value:x8}: the file is damaged");
        }
    }

    private static SafetensorsHeader ReadHeader(MappedFile file)
    {
        if (file.Length < LengthBytes)
        {
            throw new WeightFileException(file.FilePath, null, "a safetensors file of at least 8 bytes", $"{file.Length} bytes");
        }

        var length = BinaryPrimitives.ReadUInt64LittleEndian(file.Slice(0, LengthBytes));
        var limit = Math.Min(MaxHeaderLength, file.Length - LengthBytes);
        if (length > (ulong)limit)
        {
            throw new WeightFileException(
                file.FilePath,
                null,
                FormattableString.Invariant($"a safetensors header of at most {limit} bytes ({(limit == MaxHeaderLength ? "the format's limit" : "what the file holds after the first 8")})"),
                $"a header length of {length}");
        }

        var dataOffset = LengthBytes + (long)length;
        return SafetensorsHeader.Parse(file.FilePath, file.Slice(LengthBytes, (long)length), dataOffset, file.Length - dataOffset);
    }
}
