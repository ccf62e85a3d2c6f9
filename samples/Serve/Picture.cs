using Microsoft.AspNetCore.Http;
using SkiaSharp;

namespace Serve;

/// <summary>A decoded image.</summary>
/// <param name="Rgb">Rows of red, green, blue.</param>
/// <param name="Width">Pixels of a row.</param>
/// <param name="Height">Rows.</param>
internal sealed record Picture(byte[] Rgb, int Width, int Height)
{
    /// <summary>Decodes a JPEG, PNG, WebP or BMP file as the library does: no colour profile is applied, alpha is dropped, of an animation the first frame is taken.</summary>
    /// <exception cref="RefusedException">It is no such file, broken, or of more pixels than are allowed; these are counted before any is decoded.</exception>
    public static unsafe Picture Decode(ReadOnlySpan<byte> file, long maxPixels)
    {
        fixed (byte* start = file)
        {
            using var data = SKData.Create((nint)start, file.Length);
            using var codec = SKCodec.Create(data);
            if (codec?.EncodedFormat is not (SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Png or SKEncodedImageFormat.Webp or SKEncodedImageFormat.Bmp))
            {
                throw new RefusedException(StatusCodes.Status400BadRequest, FormattableString.Invariant($"The {file.Length} bytes are not a JPEG, PNG, WebP or BMP image."));
            }

            var (width, height) = (codec.Info.Width, codec.Info.Height);
            if ((long)width * height > maxPixels)
            {
                throw new RefusedException(StatusCodes.Status413PayloadTooLarge, FormattableString.Invariant($"The image has {width} x {height} pixels; at most {maxPixels} are allowed."));
            }

            // Without a colour space no profile is applied; unpremultiplied, the colour beneath alpha stays as stored.
            using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, codec.Info.AlphaType == SKAlphaType.Opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul, null));
            var result = codec.GetPixels(bitmap.Info, bitmap.GetPixels());
            return result == SKCodecResult.Success
                ? new Picture(Rgbs(bitmap.GetPixelSpan()), width, height)
                : throw new RefusedException(StatusCodes.Status400BadRequest, FormattableString.Invariant($"The image of {width} x {height} pixels is damaged, cut off or of a kind that cannot be read ({result})."));
        }
    }

    private static byte[] Rgbs(ReadOnlySpan<byte> rgba)
    {
        var rgb = GC.AllocateUninitializedArray<byte>(rgba.Length / 4 * 3);
        for (int i = 0, to = 0; i < rgba.Length; i += 4, to += 3)
        {
            (rgb[to], rgb[to + 1], rgb[to + 2]) = (rgba[i], rgba[i + 1], rgba[i + 2]);
        }

        return rgb;
    }
}
