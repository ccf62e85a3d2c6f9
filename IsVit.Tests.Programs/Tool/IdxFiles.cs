using System.Buffers.Binary;
using System.IO.Compression;

namespace IsVit.Tests.Programs.Tool;

/// <summary>Writes IDX files, right and wrong ones.</summary>
internal static class IdxFiles
{
    /// <summary>The bytes of a file of unsigned bytes.</summary>
    public static byte[] Bytes(uint[] shape, byte[] elements, byte type = 8)
    {
        var bytes = new byte[4 + (4 * shape.Length) + elements.Length];
        bytes[2] = type;
        bytes[3] = (byte)shape.Length;
        for (var i = 0; i < shape.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4 + (4 * i)), shape[i]);
        }

        elements.CopyTo(bytes, 4 + (4 * shape.Length));
        return bytes;
    }

    public static string Write(string path, byte[] bytes, bool compressed = false)
    {
        using var file = File.Create(path);
        using Stream stream = compressed ? new GZipStream(file, CompressionLevel.Fastest) : file;
        stream.Write(bytes);
        return path;
    }

    /// <summary>The four files of Fashion-MNIST with random pixels and the classes in turn.</summary>
    public static void WriteFashionMnist(string folder, int train, int test)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, count) in new[] { ("train", train), ("t10k", test) })
        {
            var pixels = new byte[count * 28 * 28];
            new Random(count).NextBytes(pixels);
            byte[] labels = [.. Enumerable.Range(0, count).Select(i => (byte)(i % 10))];
            Write(Path.Combine(folder, $"{name}-images-idx3-ubyte.gz"), Bytes([(uint)count, 28, 28], pixels), compressed: true);
            Write(Path.Combine(folder, $"{name}-labels-idx1-ubyte.gz"), Bytes([(uint)count], labels), compressed: true);
        }
    }
}
