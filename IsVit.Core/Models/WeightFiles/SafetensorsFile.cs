using System.Buffers.Binary;
using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>
/// A safetensors file, open for reading: an eight-byte header length, a JSON header, the tensors' raw little-endian bytes. The file is mapped into
/// memory and every statement of its header is checked against the file when it is opened.
/// </summary>
public sealed class SafetensorsFile : WeightFile
{
    /// <summary>The tensor of checksums, if the file has one: U8 [1 + other tensors, 4], each row a CRC-32C, lowest byte first; the header's (with its length), then the other tensors', in the order in which they lie in the file.</summary>
    internal const string ChecksumsName = "isvit.checksums";

    internal const int LengthBytes = 8;
    internal const int MaxHeaderLength = 100_000_000;
    private const int ChunkBytes = 1 << 26;

    internal SafetensorsFile(MappedFile file)
        : this(file, ReadHeader(file))
    {
    }

    private SafetensorsFile(MappedFile file, SafetensorsHeader header)
        : base(file, header.Tensors, header.Metadata)
    {
    }

    /// <summary>Opens a safetensors file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="WeightFileException">The file is no safetensors file, or a broken one.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static new SafetensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = MappedFile.Open(path);
        try
        {
            return new SafetensorsFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Checks that nothing in the file has changed since it was written.</summary>
    /// <exception cref="WeightFileException">A tensor or the header has another checksum than when it was written, or the file holds no checksums for it.</exception>
    internal void VerifyChecksums()
    {
        var tensors = Tensors.Values.Where(static tensor => tensor.Name != ChecksumsName).OrderBy(static tensor => tensor.Offset).ThenBy(static tensor => tensor.ByteCount).ToList();
        if (!Tensors.TryGetValue(ChecksumsName, out var info) || info.ScalarType != torch.ScalarType.Byte || !info.Shape.SequenceEqual([tensors.Count + 1, sizeof(uint)]))
        {
            throw new WeightFileException(FilePath, ChecksumsName, $"U8 [{tensors.Count + 1}, {sizeof(uint)}]", info is null ? "no such tensor" : $"{info.DType} [{string.Join(", ", info.Shape)}]");
        }

        var expected = Bytes(info.Offset, info.ByteCount);
        Verify(null, 0, Tensors.Values.Min(static tensor => tensor.Offset), expected);
        foreach (var tensor in tensors)
        {
            expected = expected[sizeof(uint)..];
            Verify(tensor.Name, tensor.Offset, tensor.ByteCount, expected);
        }
    }

    internal static bool LooksLike(MappedFile file) => file.Length > LengthBytes && file.Slice(LengthBytes, 1)[0] == (byte)'{';

    private void Verify(string? tensor, long offset, long count, ReadOnlySpan<byte> expected)
    {
        var crc = default(Crc32C);
        for (var done = 0L; done < count; done += ChunkBytes)
        {
            crc.Append(Bytes(offset + done, Math.Min(ChunkBytes, count - done)));
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
                $"a safetensors header of at most {limit} bytes ({(limit == MaxHeaderLength ? "the format's limit" : "what the file holds after the first 8")})",
                $"a header length of {length}");
        }

        var dataOffset = LengthBytes + (long)length;
        return SafetensorsHeader.Parse(file.FilePath, file.Slice(LengthBytes, (long)length), dataOffset, file.Length - dataOffset);
    }
}
