using System.Runtime.InteropServices;
using IsVit.Core.Imaging;
using IsVit.Model.Imaging;
using TorchSharp;

namespace IsVit.Detection.Imaging;

/// <summary>
/// How images become a detector's input: resized with their ratio kept, normalized, and padded with zeros on the right and below, with the numbers of MMDetection's test pipeline. The defaults are those of its configurations for COCO.
/// </summary>
public sealed record DetectorPreprocessing
{
    /// <summary>Pixels of the short side after resizing.</summary>
    public int ShortSide { get; init; } = 800;

    /// <summary>The most pixels of the long side after resizing; where it would have more, the short side becomes shorter instead.</summary>
    public int LongSide { get; init; } = 1333;

    /// <summary>The mean of red, green and blue, 0 to 255.</summary>
    public IReadOnlyList<double> Mean { get; init; } = [123.675, 116.28, 103.53];

    /// <summary>What red, green and blue are divided by after the mean is subtracted.</summary>
    public IReadOnlyList<double> Std { get; init; } = [58.395, 57.12, 57.375];

    /// <summary>Height and width of a batch are padded to multiples of this.</summary>
    public int Multiple { get; init; } = 32;

    /// <summary>The size of an image after resizing: int(side x scale + 0.5).</summary>
    /// <param name="height">Height in pixels.</param>
    /// <param name="width">Width in pixels.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side or an option is out of range.</exception>
    public (int Height, int Width) SizeOf(int height, int width)
    {
        Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        var scale = Math.Min((double)LongSide / Math.Max(height, width), (double)ShortSide / Math.Min(height, width));
        return (Math.Max(1, (int)((height * scale) + 0.5)), Math.Max(1, (int)((width * scale) + 0.5)));
    }

    /// <summary>Reads image files as one batch.</summary>
    /// <param name="paths">JPEG, PNG, BMP or WebP files.</param>
    /// <returns>The batch, float32, on the CPU; disposing it frees the memory.</returns>
    /// <exception cref="ImageException">A file cannot be read as an image.</exception>
    /// <exception cref="ArgumentException">There is no path.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public DetectorInput Read(params IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var decoder = new ImageDecoder();
        return Prepare([.. paths.Select<string, Func<RgbImage>>(path => () => decoder.Decode(path))], nameof(paths));
    }

    /// <summary>Prepares one image.</summary>
    /// <param name="rgb">Three bytes a pixel (red, green, blue), rows from top to bottom: 3 x height x width bytes.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Pixels in a row.</param>
    /// <returns>A batch of one image, float32, on the CPU; disposing it frees the memory.</returns>
    /// <exception cref="ArgumentException">There are more or fewer bytes.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A side or an option is out of range.</exception>
    public DetectorInput Prepare(ReadOnlyMemory<byte> rgb, int height, int width) => Prepare([() => RgbImage.FromRgb(width, height, rgb.Span)], nameof(rgb));

    private DetectorInput Prepare(IReadOnlyList<Func<RgbImage>> images, string argument)
    {
        Validate();
        if (images.Count == 0)
        {
            throw new ArgumentException("There is no image; expected at least one.", argument);
        }

        var resized = new List<(byte[] Rgb, ImageGeometry Geometry)>();
        foreach (var read in images)
        {
            using var image = read();
            var (height, width) = SizeOf(image.Height, image.Width);
            resized.Add((BilinearResizer.Resize(image, height, width), new ImageGeometry(height, width, image.Height, image.Width)));
        }

        var (rows, columns) = (Padded(resized.Max(static image => image.Geometry.Height)), Padded(resized.Max(static image => image.Geometry.Width)));
        var batch = torch.zeros([resized.Count, 3, rows, columns], torch.float32, torch.CPU);
        batch.DetachFromDisposeScope();
        var values = MemoryMarshal.Cast<byte, float>(batch.bytes);
        for (var i = 0; i < resized.Count; i++)
        {
            Normalize(resized[i].Rgb, resized[i].Geometry, values.Slice(i * 3 * rows * columns, 3 * rows * columns), rows, columns);
        }

        return new DetectorInput(batch, [.. resized.Select(static image => image.Geometry)]);
    }

    // As MMCV: subtracted and multiplied by the reciprocal in float32.
    private void Normalize(byte[] rgb, ImageGeometry geometry, Span<float> planes, int rows, int columns)
    {
        for (var channel = 0; channel < 3; channel++)
        {
            var (mean, factor) = ((float)Mean[channel], (float)(1 / Std[channel]));
            for (var row = 0; row < geometry.Height; row++)
            {
                var plane = planes.Slice((((channel * rows) + row) * columns), geometry.Width);
                var from = rgb.AsSpan(row * geometry.Width * 3);
                for (var column = 0; column < plane.Length; column++)
                {
                    plane[column] = (from[(3 * column) + channel] - mean) * factor;
                }
            }
        }
    }

    private int Padded(int side) => (side + Multiple - 1) / Multiple * Multiple;

    private void Validate()
    {
        OptionCheck.AtLeast(ShortSide, 1, nameof(ShortSide));
        OptionCheck.AtLeast(LongSide, ShortSide, nameof(LongSide));
        OptionCheck.AtLeast(Multiple, 1, nameof(Multiple));
        OptionCheck.Require(Mean is { Count: 3 } && Mean.All(double.IsFinite), nameof(Mean), OptionCheck.Text(Mean), "three numbers, of red, green and blue");
        OptionCheck.Require(Std is { Count: 3 } && Std.All(static number => number > 0 && double.IsFinite(number)), nameof(Std), OptionCheck.Text(Std), "three numbers above 0, of red, green and blue");
    }
}
