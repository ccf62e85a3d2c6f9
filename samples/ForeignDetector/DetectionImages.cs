using System.Globalization;
using SkiaSharp;
using static TorchSharp.torch;

namespace ForeignDetector;

/// <summary>A box of an image: class, and left, top, right and bottom side in pixels.</summary>
internal readonly record struct LabelledBox(int Class, float Left, float Top, float Right, float Bottom);

/// <summary>An image as the detector takes it, with its boxes.</summary>
/// <param name="Pixels">[3, size, size], 0 to 1.</param>
/// <param name="Width">Of the file, in pixels.</param>
/// <param name="Height">Of the file, in pixels.</param>
/// <param name="Boxes">What is in it.</param>
internal sealed record DetectionImage(Tensor Pixels, int Width, int Height, IReadOnlyList<LabelledBox> Boxes);

/// <summary>JPEG files in <c>images</c>, with a text file for each in <c>labels</c>: class, centre x and y, width and height of a box in every line, as shares of the image.</summary>
internal static class DetectionImages
{
    /// <summary>Reads images in the order of their names.</summary>
    /// <param name="folder">Holds <c>images</c> and <c>labels</c>.</param>
    /// <param name="size">Height and width that images are resized to, whatever their proportions.</param>
    /// <param name="count">How many are read.</param>
    public static IReadOnlyList<DetectionImage> Read(string folder, int size, int count) =>
        [.. Directory.EnumerateFiles(Path.Combine(folder, "images"), "*.jpg").Order(StringComparer.Ordinal).Take(count).Select(path => Read(path, Path.Combine(folder, "labels", Path.GetFileNameWithoutExtension(path) + ".txt"), size))];

    /// <summary>The pixels of some images, [images, 3, size, size].</summary>
    public static Tensor Join(this IEnumerable<DetectionImage> images) => stack(images.Select(static image => image.Pixels));

    private static DetectionImage Read(string path, string labels, int size)
    {
        using var scope = NewDisposeScope();
        using var decoded = SKBitmap.Decode(path) ?? throw new InvalidDataException($"'{path}' is no image.");
        using var bitmap = decoded.Copy(SKColorType.Rgba8888);
        var bytes = tensor(bitmap.Bytes, [bitmap.Height, bitmap.Width, 4], uint8);
        var pixels = bytes.narrow(2, 0, 3).permute(2, 0, 1).unsqueeze(0).to(float32).Times(1 / 255.0);
        pixels = nn.functional.interpolate(pixels, [size, size], mode: InterpolationMode.Bilinear, align_corners: false, antialias: true).squeeze(0);
        return new DetectionImage(pixels.DetachFromDisposeScope(), bitmap.Width, bitmap.Height, File.Exists(labels) ? [.. File.ReadLines(labels).Select(line => Parse(line, bitmap.Width, bitmap.Height))] : []);
    }

    private static LabelledBox Parse(string line, int width, int height)
    {
        var numbers = line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static word => float.Parse(word, CultureInfo.InvariantCulture)).ToArray();
        var (x, y, w, h) = (numbers[1] * width, numbers[2] * height, numbers[3] * width, numbers[4] * height);
        return new LabelledBox((int)numbers[0], x - (w / 2), y - (h / 2), x + (w / 2), y + (h / 2));
    }
}
