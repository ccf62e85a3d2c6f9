using System.Drawing;
using System.Runtime.InteropServices;
using IsVit.Model.Imaging;
using TorchSharp;

namespace IsVit.Core.Imaging;

/// <summary>Turns images into a model's input, with the pixel values that timm's evaluation transform gives.</summary>
/// <remarks>Safe to use from several threads.</remarks>
internal sealed class ImagePreprocessor
{
    private readonly ImageDecoder _decoder;

    /// <summary>Creates a preprocessor.</summary>
    /// <param name="preprocessing">Size, crop, and normalization: those of the model.</param>
    /// <param name="decoding">What image files are accepted; the defaults if null.</param>
    public ImagePreprocessor(ImagePreprocessing preprocessing, ImageDecoderOptions? decoding = null)
    {
        ArgumentNullException.ThrowIfNull(preprocessing);
        Preprocessing = preprocessing;
        _decoder = new ImageDecoder(decoding);
    }

    /// <summary>Size, crop, and normalization.</summary>
    public ImagePreprocessing Preprocessing { get; }

    /// <summary>Values an image has: channels x size x size.</summary>
    public int ValueCount => checked(Preprocessing.ChannelCount * Preprocessing.ImageSize * Preprocessing.ImageSize);

    /// <summary>Reads and preprocesses an image file.</summary>
    /// <param name="path">A JPEG, PNG, BMP or WebP file.</param>
    /// <returns>float32 [channels, size, size]; the caller's.</returns>
    /// <exception cref="ImageException">The file cannot be read as an image.</exception>
    public torch.Tensor Preprocess(string path)
    {
        using var image = _decoder.Decode(path);
        return Preprocess(image, path);
    }

    /// <summary>Decodes and preprocesses the content of an image file.</summary>
    /// <param name="file">The content of a JPEG, PNG, BMP or WebP file.</param>
    /// <param name="name">What errors call it.</param>
    /// <returns>float32 [channels, size, size]; the caller's.</returns>
    /// <exception cref="ImageException">The content cannot be read as an image.</exception>
    public torch.Tensor Preprocess(ReadOnlySpan<byte> file, string name)
    {
        using var image = _decoder.Decode(file, name);
        return Preprocess(image, name);
    }

    /// <summary>Preprocesses an image.</summary>
    /// <param name="image">The image; unchanged.</param>
    /// <returns>float32 [channels, size, size]; the caller's.</returns>
    /// <exception cref="ImageException">The image is so long and narrow that its resized long side is no 32-bit number.</exception>
    public torch.Tensor Preprocess(RgbImage image) => Preprocess(image, "image");

    /// <summary>Reads and preprocesses an image file into given memory.</summary>
    /// <param name="path">A JPEG, PNG, BMP or WebP file.</param>
    /// <param name="destination"><see cref="ValueCount"/> values: one plane of size x size after the other.</param>
    /// <exception cref="ImageException">The file cannot be read as an image.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is of another length.</exception>
    public void Preprocess(string path, Span<float> destination)
    {
        using var image = _decoder.Decode(path);
        Preprocess(image, destination, path);
    }

    /// <summary>Preprocesses an image into given memory.</summary>
    /// <param name="image">The image; unchanged.</param>
    /// <param name="destination"><see cref="ValueCount"/> values: one plane of size x size after the other.</param>
    /// <exception cref="ImageException">The image is so long and narrow that its resized long side is no 32-bit number.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is of another length.</exception>
    public void Preprocess(RgbImage image, Span<float> destination) => Preprocess(image, destination, "image");

    private torch.Tensor Preprocess(RgbImage image, string name)
    {
        var size = Preprocessing.ImageSize;
        var pixels = torch.empty(Preprocessing.ChannelCount, size, size, dtype: torch.float32, device: torch.CPU);
        try
        {
            Preprocess(image, MemoryMarshal.Cast<byte, float>(pixels.bytes), name);
            return pixels;
        }
        catch
        {
            pixels.Dispose();
            throw;
        }
    }

    private void Preprocess(RgbImage image, Span<float> destination, string name)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (destination.Length != ValueCount)
        {
            throw new ArgumentException(FormattableString.Invariant($"An image has {ValueCount} values; there is room for {destination.Length}."), nameof(destination));
        }

        // Grey models see the luma of colour images, taken before resizing as Pillow's convert("L") in a dataset does.
        using var grey = Preprocessing.ChannelCount == 1 ? ToGrey(image) : null;
        using var cropped = ResizeAndCrop(grey ?? image, name);
        PixelNormalizer.Normalize(cropped.Pixels, Preprocessing.Mean, Preprocessing.Std, destination);
    }

    /// <summary>
    /// The image with its short side resized and the centre cut out. As torchvision rounds: the long side is truncated, half a pixel of margin
    /// goes to the even side.
    /// </summary>
    private RgbImage ResizeAndCrop(RgbImage image, string name)
    {
        var target = Preprocessing.ResizeSize;
        var shortSide = Math.Min(image.Width, image.Height);
        var longSide = Math.Max(image.Width, image.Height);
        var resizedLong = (double)((long)target * longSide) / shortSide;
        if (resizedLong > int.MaxValue)
        {
            throw new ImageException(name, FormattableString.Invariant($"{image.Width} x {image.Height} pixels are too long and narrow to bring the short side to {target}."));
        }

        var (width, height) = image.Width <= image.Height ? (target, (int)resizedLong) : ((int)resizedLong, target);

        var size = Preprocessing.ImageSize;
        var left = (int)Math.Round((width - size) / 2.0, MidpointRounding.ToEven);
        var top = (int)Math.Round((height - size) / 2.0, MidpointRounding.ToEven);
        return ImageResizer.Resize(image, width, height, new Rectangle(left, top, size, size), Preprocessing.Filter);
    }

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
