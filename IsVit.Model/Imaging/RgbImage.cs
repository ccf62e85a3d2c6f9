using System.Buffers;

namespace IsVit.Model.Imaging;

/// <summary>An 8-bit RGB image in pooled memory, four bytes a pixel (red, green, blue, unused), rows from top to bottom without gaps.</summary>
/// <remarks>Four bytes a pixel is what decoders write and vector instructions read; <see cref="CopyRgbTo"/> packs it to three.</remarks>
internal sealed class RgbImage : IDisposable
{
    /// <summary>Bytes that may be read, and mean nothing, behind the last pixel: vector loads may overrun by less than this.</summary>
    internal const int Slack = 64;

    private byte[]? _buffer;

    /// <summary>Creates an image of undefined content.</summary>
    /// <param name="width">Pixels in a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or the image does not fit into an array.</exception>
    public RgbImage(int width, int height)
    {
        RequireSize(width, height);
        Width = width;
        Height = height;
        _buffer = ArrayPool<byte>.Shared.Rent((width * height * 4) + Slack);
    }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>The pixels, four bytes each: red, green, blue, and one byte that means nothing.</summary>
    /// <exception cref="ObjectDisposedException">The image is disposed.</exception>
    public Span<byte> Pixels => Buffer.AsSpan(0, Width * Height * 4);

    /// <summary>The pooled array that holds <see cref="Pixels"/> from its start, with <see cref="Slack"/> bytes behind them.</summary>
    internal byte[] Buffer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_buffer is null, this);
            return _buffer;
        }
    }

    /// <summary>Creates an image from packed RGB.</summary>
    /// <param name="width">Pixels in a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="rgb">Three bytes a pixel (red, green, blue), rows from top to bottom: 3 x width x height bytes.</param>
    /// <exception cref="ArgumentException">There are more or fewer bytes.</exception>
    public static RgbImage FromRgb(int width, int height, ReadOnlySpan<byte> rgb)
    {
        RequireLength(rgb.Length, width, height, 3);
        return FromRgb(width, height, rgb, width * 3);
    }

    /// <summary>Creates an image from RGB whose rows may have gaps between them.</summary>
    /// <param name="width">Pixels in a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="rgb">Three bytes a pixel (red, green, blue), rows from top to bottom.</param>
    /// <param name="stride">Bytes from the start of a row to that of the next, at least 3 x width.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, the image does not fit into an array, or rows would overlap.</exception>
    /// <exception cref="ArgumentException">The last row is not whole.</exception>
    public static RgbImage FromRgb(int width, int height, ReadOnlySpan<byte> rgb, int stride)
    {
        RequireSize(width, height);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, width * 3);
        var expected = ((height - 1L) * stride) + (width * 3);
        if (rgb.Length < expected)
        {
            throw new ArgumentException(FormattableString.Invariant($"{height} rows of {width} pixels of 3 bytes, each {stride} bytes after the one before, are {expected} bytes; found {rgb.Length}."), nameof(rgb));
        }

        var image = new RgbImage(width, height);
        for (var row = 0; row < height; row++)
        {
            var source = rgb.Slice((int)((long)row * stride), width * 3);
            var target = image.Pixels.Slice(row * width * 4, width * 4);
            for (int from = 0, to = 0; from < source.Length; from += 3, to += 4)
            {
                target[to] = source[from];
                target[to + 1] = source[from + 1];
                target[to + 2] = source[from + 2];
                target[to + 3] = byte.MaxValue;
            }
        }

        return image;
    }

    /// <summary>Creates an image with three equal channels.</summary>
    /// <param name="width">Pixels in a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="grey">One byte a pixel, rows from top to bottom: width x height bytes.</param>
    /// <exception cref="ArgumentException">There are more or fewer bytes.</exception>
    public static RgbImage FromGrey(int width, int height, ReadOnlySpan<byte> grey)
    {
        RequireLength(grey.Length, width, height, 1);
        var image = new RgbImage(width, height);
        var pixels = image.Pixels;
        for (int from = 0, to = 0; from < grey.Length; from++, to += 4)
        {
            pixels.Slice(to, 3).Fill(grey[from]);
            pixels[to + 3] = byte.MaxValue;
        }

        return image;
    }

    /// <summary>Writes the pixels as packed RGB, three bytes each.</summary>
    /// <param name="destination">At least 3 x width x height bytes.</param>
    /// <exception cref="ArgumentException">There are fewer bytes.</exception>
    /// <exception cref="ObjectDisposedException">The image is disposed.</exception>
    public void CopyRgbTo(Span<byte> destination)
    {
        var pixels = Pixels;
        if (destination.Length < (long)Width * Height * 3)
        {
            throw new ArgumentException(FormattableString.Invariant($"{destination.Length} bytes cannot hold {Width} x {Height} pixels of 3 bytes."), nameof(destination));
        }

        for (int from = 0, to = 0; from < pixels.Length; from += 4, to += 3)
        {
            destination[to] = pixels[from];
            destination[to + 1] = pixels[from + 1];
            destination[to + 2] = pixels[from + 2];
        }
    }

    /// <summary>Returns the memory to the pool.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void RequireSize(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(height, (Array.MaxLength - Slack) / 4 / width);
    }

    private static void RequireLength(int found, int width, int height, int channels)
    {
        var expected = (long)width * height * channels;
        if (found != expected)
        {
            throw new ArgumentException(FormattableString.Invariant($"{width} x {height} pixels of {channels} byte(s) are {expected} bytes; found {found}."));
        }
    }
}
