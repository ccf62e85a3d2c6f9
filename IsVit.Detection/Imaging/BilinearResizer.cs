using IsVit.Model.Imaging;

namespace IsVit.Detection.Imaging;

/// <summary>Bilinear resizing without antialiasing, with the integers of OpenCV's <c>resize</c> (INTER_LINEAR, 8 bits), which MMCV uses.</summary>
internal static class BilinearResizer
{
    private const int One = 1 << 11;

    /// <summary>Resizes an image.</summary>
    /// <param name="image">The image; unchanged.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="width">Pixels in a row of the result.</param>
    /// <returns>Three bytes a pixel, rows from top to bottom.</returns>
    public static byte[] Resize(RgbImage image, int height, int width)
    {
        // Beyond the border OpenCV sets the weight of a column to 0, and mixes a row with itself.
        var rows = Taps(image.Height, height);
        var columns = Array.ConvertAll(Taps(image.Width, width), tap => tap.First < 0 ? (0, 0) : tap.First >= image.Width - 1 ? (image.Width - 1, 0) : tap);
        var result = new byte[height * width * 3];
        int[][] lines = [new int[width * 3], new int[width * 3]];
        int[] held = [-1, -1];
        for (var row = 0; row < height; row++)
        {
            var tap = rows[row];
            var (upper, lower) = (Line(Math.Max(tap.First, 0)), Line(Math.Min(tap.First + 1, image.Height - 1)));
            for (var i = 0; i < width * 3; i++)
            {
                // OpenCV drops the same low bits of either product before it adds them.
                result[(row * width * 3) + i] = (byte)(((((One - tap.Weight) * (upper[i] >> 4)) >> 16) + ((tap.Weight * (lower[i] >> 4)) >> 16) + 2) >> 2);
            }
        }

        return result;

        // Consecutive rows of the result share rows of the image.
        int[] Line(int row)
        {
            var slot = row & 1;
            if (held[slot] != row)
            {
                held[slot] = row;
                Across(image.Pixels.Slice(row * image.Width * 4, image.Width * 4), columns, lines[slot]);
            }

            return lines[slot];
        }
    }

    private static void Across(ReadOnlySpan<byte> pixels, (int First, int Weight)[] taps, int[] line)
    {
        var last = (pixels.Length / 4) - 1;
        for (var column = 0; column < taps.Length; column++)
        {
            var (left, right, weight) = (4 * taps[column].First, 4 * Math.Min(taps[column].First + 1, last), taps[column].Weight);
            for (var channel = 0; channel < 3; channel++)
            {
                line[(3 * column) + channel] = (pixels[left + channel] * (One - weight)) + (pixels[right + channel] * weight);
            }
        }
    }

    // Where a pixel of the result lies between two of the image, and how much the second one counts, of 2048.
    private static (int First, int Weight)[] Taps(int from, int to)
    {
        var scale = (double)from / to;
        var taps = new (int First, int Weight)[to];
        for (var i = 0; i < to; i++)
        {
            var place = (float)(((i + 0.5) * scale) - 0.5);
            var first = (int)MathF.Floor(place);
            taps[i] = (first, (int)MathF.Round((place - first) * One, MidpointRounding.ToEven));
        }

        return taps;
    }
}
