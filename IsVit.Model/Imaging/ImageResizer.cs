using System.Drawing;

namespace IsVit.Model.Imaging;

/// <summary>Resizes 8-bit images with the very pixel values that Pillow's <c>Image.resize</c> gives.</summary>
/// <remarks>
/// Two passes, horizontal then vertical, each a sum of pixels times fixed-point weights in 32-bit integers, rounded and clipped to 8 bits: no
/// floating point touches a pixel, so results are the same on every machine.
/// </remarks>
internal static class ImageResizer
{
    /// <summary>Resizes an image.</summary>
    /// <param name="image">The image; unchanged.</param>
    /// <param name="width">The new width, at least 1.</param>
    /// <param name="height">The new height, at least 1.</param>
    /// <param name="filter">The kernel.</param>
    /// <returns>A new image; the caller disposes it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1.</exception>
    public static RgbImage Resize(RgbImage image, int width, int height, ResampleFilter filter = ResampleFilter.Bicubic)
        => Resize(image, width, height, new Rectangle(0, 0, width, height), filter);

    /// <summary>A part of the resized image; only the pixels that it needs are computed.</summary>
    /// <param name="image">The image; unchanged.</param>
    /// <param name="width">The width of the whole resized image, at least 1.</param>
    /// <param name="height">The height of the whole resized image, at least 1.</param>
    /// <param name="part">The part of the resized image that is wanted.</param>
    /// <param name="filter">The kernel.</param>
    /// <returns>A new image of the part's size; the caller disposes it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or the part is empty or not inside the resized image.</exception>
    public static RgbImage Resize(RgbImage image, int width, int height, Rectangle part, ResampleFilter filter = ResampleFilter.Bicubic)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (part.Width < 1 || part.Height < 1 || part.X < 0 || part.Y < 0 || part.X > width - part.Width || part.Y > height - part.Height)
        {
            throw new ArgumentOutOfRangeException(nameof(part), part, FormattableString.Invariant($"The part is inside the resized image of {width} x {height} pixels and not empty."));
        }

        var columns = ResampleWeights.Create(image.Width, width, part.X, part.Width, filter);
        var rows = ResampleWeights.Create(image.Height, height, part.Y, part.Height, filter);

        // Starts never decrease, so the rows between the first's and the last's are all that the second pass reads.
        var firstRow = rows.Starts[0];
        var lastRow = Math.Min(rows.Starts[^1] + rows.TapCount, image.Height) - 1;
        using var narrowed = new RgbImage(part.Width, lastRow - firstRow + 1);
        ResampleKernels.Horizontal(image, firstRow, narrowed, columns);

        var resized = new RgbImage(part.Width, part.Height);
        ResampleKernels.Vertical(narrowed, firstRow, resized, rows);
        return resized;
    }
}
