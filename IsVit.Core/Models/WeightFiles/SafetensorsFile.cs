using System.Buffers.Binary;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>
/// A safetensors file, open for reading: an eight-byte header length, a JSON header, the tensors' raw little-endian bytes. The file is mapped into
/// memory and every statement of its header is checked against the file when it is opened.
/// </summary>
public sealed class SafetensorsFile : WeightFile
{
    internal const int LengthBytes = 8;
    internal const int MaxHeaderLength = 100_000_000;

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

    internal static bool LooksLike(MappedFile file) => file.Length > LengthBytes && file.Slice(LengthBytes, 1)[0] == (byte)'{';

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
