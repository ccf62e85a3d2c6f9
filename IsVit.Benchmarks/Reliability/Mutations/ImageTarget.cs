using System.Buffers.Binary;
using IsVit.Core.Imaging;
using IsVit.Core.Models.WeightFiles.PyTorch;
using IsVit.Model.Imaging;
using SkiaSharp;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>Image files of one kind. What decodes them is native code.</summary>
internal sealed class ImageTarget : Target
{
    private const int Width = 21;
    private const int Height = 17;
    private readonly ImageDecoder _decoder = new();
    private readonly bool _isPng;

    public ImageTarget(SKEncodedImageFormat? format)
    {
        _isPng = format == SKEncodedImageFormat.Png;
        using var colour = Picture(SKColorType.Rgba8888);
        using var grey = Picture(SKColorType.Gray8);
        Whole = format is { } known
            ? [Encoded(colour, known, 90), Encoded(grey, known, 90), Encoded(colour, known, known == SKEncodedImageFormat.Webp ? 100 : 20)]
            : [Bitmap(24, 0), Bitmap(32, 0), Bitmap(8, 1)];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Whole { get; }

    /// <inheritdoc/>
    public override byte[] Damage(int which, Random random, out bool isSealed)
    {
        var file = base.Damage(which, random, out isSealed);
        if (_isPng && random.Next(2) == 0)
        {
            Seal(file);
        }

        return file;
    }

    /// <inheritdoc/>
    public override void Read(byte[] file, int which, bool isSealed)
    {
        using var image = _decoder.Decode(file, "damaged");
        if (image.Width < 1 || image.Height < 1 || (long)image.Width * image.Height > _decoder.Options.MaxPixels || image.Pixels.Length != image.Width * image.Height * 4)
        {
            throw new WrongLoadException(FormattableString.Invariant($"{image.Width} x {image.Height} pixels in {image.Pixels.Length} bytes"));
        }
    }

    private static SKBitmap Picture(SKColorType type)
    {
        var bitmap = new SKBitmap(Width, Height, type, type == SKColorType.Gray8 ? SKAlphaType.Opaque : SKAlphaType.Unpremul);
        var pixels = new byte[bitmap.ByteCount];
        new Random(5).NextBytes(pixels);
        System.Runtime.InteropServices.Marshal.Copy(pixels, 0, bitmap.GetPixels(), pixels.Length);
        return bitmap;
    }

    private static byte[] Encoded(SKBitmap bitmap, SKEncodedImageFormat format, int quality)
    {
        using var data = bitmap.Encode(format, quality);
        return data.ToArray();
    }

    // Rows are of whole words; eight bits have a palette, in runs if it says so.
    private static byte[] Bitmap(short bits, int compression)
    {
        var palette = bits == 8 ? 256 * 4 : 0;
        var random = new Random(bits);
        var pixels = compression == 0 ? new byte[(((Width * bits) + 31) / 32 * 4) * Height] : [.. Enumerable.Range(0, Height).SelectMany(row => new byte[] { 10, (byte)row, 0, 5, 1, 2, 3, 4, 5, 0, 6, 9, 0, 0 }), 0, 1];
        if (compression == 0)
        {
            random.NextBytes(pixels);
        }

        var file = new byte[54 + palette + pixels.Length];
        "BM"u8.CopyTo(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(2), file.Length);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(10), 54 + palette);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(14), 40);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), Width);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), Height);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(26), 1);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(28), bits);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(30), compression);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(34), pixels.Length);
        random.NextBytes(file.AsSpan(54, palette));
        pixels.CopyTo(file, 54 + palette);
        return file;
    }

    // A chunk's checksum is that of its name and data.
    private static void Seal(Span<byte> file)
    {
        for (var at = 8; at + 12 <= file.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
            if (length > file.Length - at - 12)
            {
                return;
            }

            BinaryPrimitives.WriteUInt32BigEndian(file[(at + 8 + (int)length)..], Crc32.Append(0, file.Slice(at + 4, 4 + (int)length)));
            at += 12 + (int)length;
        }
    }
}
