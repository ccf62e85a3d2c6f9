using System.Buffers;
using IsVit.Model.Imaging;
using SkiaSharp;

namespace IsVit.Core.Imaging;

/// <summary>Reads JPEG, PNG, BMP and WebP files as Pillow's <c>Image.open(path).convert("RGB")</c> does.</summary>
/// <remarks>
/// Grey is repeated to three channels; alpha is dropped, the colour beneath it kept as stored; 16-bit channels keep their high byte; CMYK is
/// converted without its profile; of an animation, the first frame. Embedded colour profiles are not applied. Safe to use from several threads.
/// </remarks>
internal sealed class ImageDecoder
{
    /// <summary>Creates a decoder.</summary>
    /// <param name="options">What is accepted; the defaults if null.</param>
    public ImageDecoder(ImageDecoderOptions? options = null) => Options = options ?? new ImageDecoderOptions();

    /// <summary>What is accepted and how it is read.</summary>
    public ImageDecoderOptions Options { get; }

    /// <summary>Reads an image file.</summary>
    /// <param name="path">The file. Its kind is told by its content, whatever its name ends in.</param>
    /// <returns>The pixels; the caller disposes them.</returns>
    /// <exception cref="ImageException">
    /// The file cannot be read, is empty, of another kind, broken, cut off, or larger than <see cref="ImageDecoderOptions"/> allow.
    /// </exception>
    public RgbImage Decode(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var (buffer, length) = ReadFile(path);
        try
        {
            return Decode(buffer.AsSpan(0, length), path);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads an image from memory.</summary>
    /// <param name="file">The content of an image file.</param>
    /// <param name="name">What errors call it.</param>
    /// <returns>The pixels; the caller disposes them.</returns>
    /// <exception cref="ImageException">The content is empty, of another kind, broken, cut off, or larger than <see cref="ImageDecoderOptions"/> allow.</exception>
    public unsafe RgbImage Decode(ReadOnlySpan<byte> file, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (file.IsEmpty)
        {
            throw new ImageException(name, "the file is empty (0 bytes).");
        }

        var format = ImageFormats.Detect(file);
        if (format == ImageFormat.Unknown)
        {
            throw new ImageException(name, $"not a JPEG, PNG, BMP or WebP image: {file.Length} bytes that begin with {ImageFormats.Start(file)}.");
        }

        fixed (byte* start = file)
        {
            using var data = SKData.Create((nint)start, file.Length);
            using var codec = SKCodec.Create(data)
                ?? throw new ImageException(name, $"the {Name(format)} header is broken or cut off ({file.Length} bytes).");
            return Decode(codec, format, name);
        }
    }

    private RgbImage Decode(SKCodec codec, ImageFormat format, string name)
    {
        var info = codec.Info;
        if ((long)info.Width * info.Height > Options.MaxPixels)
        {
            throw new ImageException(name, FormattableString.Invariant($"{info.Width} x {info.Height} pixels; at most {Options.MaxPixels} are allowed ({nameof(ImageDecoderOptions.MaxPixels)})."));
        }

        // Without a colour space no profile is applied; unpremultiplied, the colour beneath alpha stays as stored.
        var alpha = info.AlphaType == SKAlphaType.Opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul;
        var target = new SKImageInfo(info.Width, info.Height, SKColorType.Rgba8888, alpha, null);
        var image = Allocate(info, name);
        try
        {
            Read(codec, target, image, format, name);
            return Options.ApplyOrientation ? ImageOrientation.Apply(image, codec.EncodedOrigin) : image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    // A file of some bytes may declare an image that the process has no memory for.
    private static RgbImage Allocate(SKImageInfo info, string name)
    {
        try
        {
            return new RgbImage(info.Width, info.Height);
        }
        catch (OutOfMemoryException error)
        {
            throw new ImageException(name, FormattableString.Invariant($"{info.Width} x {info.Height} pixels; there is no memory for them ({nameof(ImageDecoderOptions.MaxPixels)} refuses such images before)."), error);
        }
    }

    private static unsafe void Read(SKCodec codec, SKImageInfo target, RgbImage image, ImageFormat format, string name)
    {
        SKCodecResult result;
        fixed (byte* pixels = image.Pixels)
        {
            result = codec.GetPixels(target, (nint)pixels, target.RowBytes, SKCodecOptions.Default);
        }

        var reason = result switch
        {
            SKCodecResult.Success => null,
            SKCodecResult.IncompleteInput => "ends before the last pixel: the file is cut off",
            SKCodecResult.ErrorInInput or SKCodecResult.InvalidInput => "is damaged or cut off",
            SKCodecResult.InvalidConversion or SKCodecResult.Unimplemented => "is of a variant that cannot be read as 8-bit RGB",
            _ => $"cannot be decoded ({result})",
        };
        if (reason is not null)
        {
            throw new ImageException(name, FormattableString.Invariant($"the {Name(format)} image of {target.Width} x {target.Height} pixels {reason}."));
        }
    }

    private static string Name(ImageFormat format) => format == ImageFormat.WebP ? "WebP" : format.ToString().ToUpperInvariant();

    private (byte[] Buffer, int Length) ReadFile(string path)
    {
        try
        {
            using var handle = File.OpenHandle(path, options: FileOptions.SequentialScan);
            var length = RandomAccess.GetLength(handle);
            if (length > Options.MaxFileBytes)
            {
                throw new ImageException(path, FormattableString.Invariant($"{length} bytes; at most {Options.MaxFileBytes} are allowed ({nameof(ImageDecoderOptions.MaxFileBytes)})."));
            }

            var buffer = ArrayPool<byte>.Shared.Rent((int)length);
            var read = 0;
            try
            {
                for (int step; read < length && (step = RandomAccess.Read(handle, buffer.AsSpan(read, (int)length - read), read)) > 0;)
                {
                    read += step;
                }
            }
            catch
            {
                ArrayPool<byte>.Shared.Return(buffer);
                throw;
            }

            return (buffer, read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            var reason = e is FileNotFoundException or DirectoryNotFoundException ? "no such file." : $"the file cannot be read: {e.Message}";
            throw new ImageException(path, reason, e);
        }
    }
}
