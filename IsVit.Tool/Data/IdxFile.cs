using System.Buffers.Binary;
using System.IO.Compression;

namespace IsVit.Tool.Data;

/// <summary>
/// Unsigned bytes in the IDX format of the MNIST family: two zero bytes, the element type, the number of dimensions, each dimension as a
/// big-endian 32-bit number, then the elements. Files are plain or gzip-compressed (told by their first bytes, not by their name).
/// </summary>
/// <param name="Shape">The dimensions, outermost first.</param>
/// <param name="Elements">The elements in row-major order.</param>
internal sealed record IdxFile(IReadOnlyList<int> Shape, byte[] Elements)
{
    /// <summary>The most elements that a file may claim, so that a lying header does not claim the memory (the real sets have 47 million).</summary>
    public const long MaximumElements = 256L << 20;

    private const byte UnsignedByte = 0x08;
    private const int MaximumRank = 4;
    private const int FirstElements = 1 << 20;

    /// <summary>Reads and validates a file.</summary>
    /// <param name="path">An IDX file of unsigned bytes, plain or gzip.</param>
    /// <param name="rank">The number of dimensions it must have: 3 for images, 1 for labels.</param>
    /// <exception cref="ToolException">The file is missing, unreadable, or not such a file; the message names it, what was found and what was expected.</exception>
    public static IdxFile Read(string path, int rank)
    {
        if (!File.Exists(path))
        {
            throw new ToolException($"{path}: no such file.");
        }

        try
        {
            using var file = File.OpenRead(path);
            using var stream = IsGzip(file) ? new GZipStream(file, CompressionMode.Decompress) : (Stream)file;
            return Parse(stream, path, rank);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new ToolException($"{path}: cannot be read: {error.Message}", error);
        }
    }

    private static bool IsGzip(FileStream file)
    {
        var isGzip = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
        file.Position = 0;
        return isGzip;
    }

    private static IdxFile Parse(Stream stream, string path, int rank)
    {
        Span<byte> header = stackalloc byte[4 * (1 + MaximumRank)];
        Fill(stream, header[..4], path, "the header");
        if (header[0] != 0 || header[1] != 0)
        {
            throw new ToolException($"{path}: not an IDX file: it begins with {header[0]:x2} {header[1]:x2}, expected 00 00.");
        }

        if (header[2] != UnsignedByte)
        {
            throw new ToolException($"{path}: elements of type {header[2]:x2}, expected {UnsignedByte:x2} (unsigned byte).");
        }

        if (header[3] != rank)
        {
            throw new ToolException($"{path}: {header[3]} dimensions, expected {rank}.");
        }

        var sizes = header[..(4 * rank)];
        Fill(stream, sizes, path, "the dimensions");
        var shape = new int[rank];
        var count = 1L;
        for (var i = 0; i < rank; i++)
        {
            var size = BinaryPrimitives.ReadUInt32BigEndian(sizes[(4 * i)..]);
            count = size > MaximumElements ? long.MaxValue : count * size;
            if (size == 0 || count > MaximumElements)
            {
                throw new ToolException($"{path}: dimension {i} is {size}; expected at least 1 and at most {MaximumElements} elements in all.");
            }

            shape[i] = (int)size;
        }

        var elements = ReadElements(stream, (int)count, path, $"{count} elements ({string.Join(" x ", shape)})");
        return stream.ReadByte() < 0
            ? new IdxFile(shape, elements)
            : throw new ToolException($"{path}: more bytes than the {count} elements that its header announces.");
    }

    // As much memory as there are bytes for, whatever the header announces.
    private static byte[] ReadElements(Stream stream, int count, string path, string what)
    {
        var elements = new byte[Math.Min(count, FirstElements)];
        for (var read = 0; ; Array.Resize(ref elements, (int)Math.Min(count, 2L * elements.Length)))
        {
            read += stream.ReadAtLeast(elements.AsSpan(read), elements.Length - read, throwOnEndOfStream: false);
            if (read < elements.Length)
            {
                throw new ToolException($"{path}: ends early: {what} needs {count} bytes, {read} are there.");
            }

            if (read == count)
            {
                return elements;
            }
        }
    }

    private static void Fill(Stream stream, Span<byte> buffer, string path, string what)
    {
        var read = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (read < buffer.Length)
        {
            throw new ToolException($"{path}: ends early: {what} needs {buffer.Length} bytes, {read} are there.");
        }
    }
}
