using System.Drawing;
using IsVit.Core.Imaging;
using IsVit.Model.Imaging;
using Microsoft.AspNetCore.Http;

namespace Serve;

/// <summary>From a decoded image to a model's input, with the numbers that the library's own preprocessing gives.</summary>
internal static class Preparation
{
    /// <summary>Resizes, crops and normalizes.</summary>
    /// <param name="picture">The image.</param>
    /// <param name="preprocessing">What the model's file says.</param>
    /// <param name="pixels">[channels, size, size].</param>
    /// <exception cref="RefusedException">The image is so long and narrow that its resized long side is no 32-bit number.</exception>
    public static void Prepare(Picture picture, ImagePreprocessing preprocessing, Span<float> pixels)
    {
        using var image = RgbImage.FromRgb(picture.Width, picture.Height, picture.Rgb);
        if (preprocessing.ChannelCount == 1)
        {
            ToGrey(image.Pixels);
        }

        var (size, target) = (preprocessing.ImageSize, preprocessing.ResizeSize);
        var resizedLong = (double)((long)target * Math.Max(image.Width, image.Height)) / Math.Min(image.Width, image.Height);
        if (resizedLong > int.MaxValue)
        {
            throw new RefusedException(StatusCodes.Status400BadRequest, FormattableString.Invariant($"{image.Width} x {image.Height} pixels are too long and narrow."));
        }

        var (width, height) = image.Width <= image.Height ? (target, (int)resizedLong) : ((int)resizedLong, target);
        var middle = new Rectangle(Margin(width, size), Margin(height, size), size, size);
        using var cropped = ImageResizer.Resize(image, width, height, middle, preprocessing.Filter);
        PixelNormalizer.Normalize(cropped.Pixels, preprocessing.Mean, preprocessing.Std, pixels);
    }

    private static int Margin(int length, int size) => (int)Math.Round((length - size) / 2.0, MidpointRounding.ToEven);

    private static void ToGrey(Span<byte> rgba)
    {
        for (var i = 0; i < rgba.Length; i += 4)
        {
            // ITU-R 601-2 luma in 16 fractional bits.
            rgba.Slice(i, 3).Fill((byte)(((rgba[i] * 19595) + (rgba[i + 1] * 38470) + (rgba[i + 2] * 7471) + 0x8000) >> 16));
        }
    }
}
