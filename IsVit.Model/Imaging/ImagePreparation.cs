using System.Drawing;

namespace IsVit.Model.Imaging;

/// <summary>Turns decoded images into a model's input, with the pixel values that timm's evaluation transform gives.</summary>
internal static class ImagePreparation
{
    /// <summary>Values an image has: channels x size x size.</summary>
    public static int ValueCount(ImagePreprocessing preprocessing) => checked(preprocessing.ChannelCount * preprocessing.ImageSize * preprocessing.ImageSize);

    /// <summary>Why an image cannot be prepared, or null if it can.</summary>
    /// <param name="preprocessing">Size, crop, and normalization: those of the model.</param>
    /// <param name="width">The image's width in pixels, at least 1.</param>
    /// <param name="height">Its height.</param>
    public static string? Obstacle(ImagePreprocessing preprocessing, int width, int height) => preprocessing.ResizeMode == ResizeMode.ShortSide && ResizedLong(preprocessing, width, height) > int.MaxValue
        ? FormattableString.Invariant($"{width} x {height} pixels are too long and narrow to bring the short side to {preprocessing.ResizeSize}.")
        : null;

    /// <summary>Resizes, crops and normalizes an image that has no <see cref="Obstacle"/>.</summary>
    /// <param name="preprocessing">Size, crop, and normalization: those of the model.</param>
    /// <param name="image">The image; unchanged.</param>
    /// <param name="destination"><see cref="ValueCount"/> values: one plane of size x size after the other.</param>
    public static void Write(ImagePreprocessing preprocessing, RgbImage image, Span<float> destination)
    {
        // Grey models see the luma of colour images, taken before resizing as Pillow's convert("L") in a dataset does.
        using var grey = preprocessing.ChannelCount == 1 ? ToGrey(image) : null;
        using var cropped = ResizeAndCrop(preprocessing, grey ?? image);
        PixelNormalizer.Normalize(cropped.Pixels, preprocessing.Mean, preprocessing.Std, destination);
    }

    /// <summary>
    /// The image resized and the centre cut out. As torchvision rounds: the long side is truncated, half a pixel of margin
    /// goes to the even side.
    /// </summary>
    private static RgbImage ResizeAndCrop(ImagePreprocessing preprocessing, RgbImage image)
    {
        var (target, size) = (preprocessing.ResizeSize, preprocessing.ImageSize);
        var (width, height) = (target, target);
        if (preprocessing.ResizeMode == ResizeMode.ShortSide)
        {
            var resizedLong = (int)ResizedLong(preprocessing, image.Width, image.Height);
            (width, height) = image.Width <= image.Height ? (target, resizedLong) : (resizedLong, target);
        }

        var left = (int)Math.Round((width - size) / 2.0, MidpointRounding.ToEven);
        var top = (int)Math.Round((height - size) / 2.0, MidpointRounding.ToEven);
        return ImageResizer.Resize(image, width, height, new Rectangle(left, top, size, size), preprocessing.Filter);
    }

    private static double ResizedLong(ImagePreprocessing preprocessing, int width, int height) => (double)((long)preprocessing.ResizeSize * Math.Max(width, height)) / Math.Min(width, height);

    private static RgbImage ToGrey(RgbImage image)
    {
        var grey = new RgbImage(image.Width, image.Height);
        var from = image.Pixels;
        var to = grey.Pixels;
        for (var i = 0; i < from.Length; i += 4)
        {
            // ITU-R 601-2 luma in 16 fractional bits; equal channels stay as they are.
            var luma = ((from[i] * 19595) + (from[i + 1] * 38470) + (from[i + 2] * 7471) + 0x8000) >> 16;
            to.Slice(i, 4).Fill((byte)luma);
        }

        return grey;
    }
}
