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
    public int ValueCount => ImagePreparation.ValueCount(Preprocessing);

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

        if (ImagePreparation.Obstacle(Preprocessing, image.Width, image.Height) is { } reason)
        {
            throw new ImageException(name, reason);
        }

        ImagePreparation.Write(Preprocessing, image, destination);
    }
}
