namespace IsVit.Detection.Scenes;

/// <summary>A sprite at the size, angle and side that it has in a scene: grey values and the pixels that belong to it. One object serves for many sprites.</summary>
/// <remarks>Map i of W columns holds the pixel (i % W, i / W); the two outermost rows and columns on each side are empty.</remarks>
internal sealed class Silhouette
{
    private byte[] _grey = [];
    private byte[] _mask = [];
    private byte[] _visible = [];
    private int[] _queue = [];

    /// <summary>Columns of the maps.</summary>
    public int Width { get; private set; }

    /// <summary>Rows of the maps.</summary>
    public int Height { get; private set; }

    /// <summary>The number of pixels that belong to the sprite; 0 if none is left after small pieces were removed.</summary>
    public int Area { get; private set; }

    /// <summary>The tight box of those pixels, right and bottom not included.</summary>
    public (int Left, int Top, int Right, int Bottom) Box { get; private set; }

    /// <summary>Grey values.</summary>
    public ReadOnlySpan<byte> Grey => _grey.AsSpan(0, Width * Height);

    /// <summary>1 for pixels that belong to the sprite.</summary>
    public ReadOnlySpan<byte> Mask => _mask.AsSpan(0, Width * Height);

    /// <summary>1 for pixels that are seen, set by <see cref="Hide"/>.</summary>
    public ReadOnlySpan<byte> Visible => _visible.AsSpan(0, Width * Height);

    /// <summary>The box of the pixels from a threshold on, right and bottom not included; null if there is none.</summary>
    public static (int Left, int Top, int Right, int Bottom)? Content(Sprite sprite, byte threshold)
    {
        var (left, top, right, bottom) = (sprite.Width, -1, 0, 0);
        for (var y = 0; y < sprite.Height; y++)
        {
            var row = sprite.Pixels.Span.Slice(y * sprite.Width, sprite.Width);
            var first = row.IndexOfAnyInRange(threshold, byte.MaxValue);
            if (first >= 0)
            {
                (left, right) = (Math.Min(left, first), Math.Max(right, row.LastIndexOfAnyInRange(threshold, byte.MaxValue) + 1));
                (top, bottom) = (top < 0 ? y : top, y + 1);
            }
        }

        return top < 0 ? null : (left, top, right, bottom);
    }

    /// <summary>Resamples a sprite (bilinear, zero outside) and finds its silhouette.</summary>
    /// <param name="sprite">With at least one pixel from <paramref name="threshold"/> on.</param>
    /// <param name="side">The longer side of the box of those pixels before turning.</param>
    /// <param name="rotation">The angle, clockwise as seen.</param>
    /// <param name="mirror">Whether left and right change places, before turning.</param>
    /// <param name="threshold">From this resampled grey value on a pixel belongs to the sprite.</param>
    /// <param name="fewest">Smaller pieces of the silhouette are removed.</param>
    public void Draw(Sprite sprite, int side, Rotation rotation, bool mirror, byte threshold, int fewest)
    {
        var (left, top, right, bottom) = Content(sprite, threshold)!.Value;
        var scale = Math.Max(right - left, bottom - top) / (double)side;
        var (width, height) = ((right - left) / scale, (bottom - top) / scale);

        // Bilinear values reach half a source pixel beyond the box, less after the threshold; two pixels stay empty.
        var margin = (int)Math.Ceiling(1 / scale) + 2;
        Resize(
            (int)Math.Ceiling((width * Math.Abs(rotation.Cos)) + (height * Math.Abs(rotation.Sin))) + (2 * margin),
            (int)Math.Ceiling((width * Math.Abs(rotation.Sin)) + (height * Math.Abs(rotation.Cos))) + (2 * margin));
        Resample(sprite, ((left + right) / 2.0, (top + bottom) / 2.0), rotation, scale, mirror ? -1 : 1);

        var mask = _mask.AsSpan(0, Width * Height);
        for (var i = 0; i < mask.Length; i++)
        {
            mask[i] = (byte)(_grey[i] >= threshold ? 1 : 0);
        }

        Pieces.FillHoles(mask, Width, _queue);
        Area = Pieces.RemoveSmall(mask, Width, fewest, _queue);
        Box = Bounds(mask);
    }

    /// <summary>Finds what is seen of the silhouette at a place of a scene.</summary>
    /// <param name="occupied">1 for each pixel of the scene that is taken; rows of <paramref name="sceneSide"/> bytes.</param>
    /// <param name="sceneSide">Columns of the scene.</param>
    /// <param name="x">The scene's column of the maps' first column; <see cref="Box"/> lies inside the scene.</param>
    /// <param name="y">The scene's row of the maps' first row.</param>
    /// <param name="fewest">Smaller remainders are not seen.</param>
    /// <returns>The number of pixels that are seen.</returns>
    public int Hide(ReadOnlySpan<byte> occupied, int sceneSide, int x, int y, int fewest)
    {
        var visible = _visible.AsSpan(0, Width * Height);
        Mask.CopyTo(visible);
        for (var row = Box.Top; row < Box.Bottom; row++)
        {
            var line = occupied.Slice(((y + row) * sceneSide) + x + Box.Left, Box.Right - Box.Left);
            var own = visible.Slice((row * Width) + Box.Left, line.Length);
            for (var i = 0; i < line.Length; i++)
            {
                own[i] &= (byte)(line[i] ^ 1);
            }
        }

        return Pieces.RemoveSmall(visible, Width, fewest, _queue);
    }

    /// <summary>The tight box of the ones in a map of this size, right and bottom not included.</summary>
    public (int Left, int Top, int Right, int Bottom) Bounds(ReadOnlySpan<byte> map)
    {
        var (left, top, right, bottom) = (Width, -1, 0, 0);
        for (var y = 0; y < Height; y++)
        {
            var row = map.Slice(y * Width, Width);
            var first = row.IndexOf((byte)1);
            if (first >= 0)
            {
                (left, right) = (Math.Min(left, first), Math.Max(right, row.LastIndexOf((byte)1) + 1));
                (top, bottom) = (top < 0 ? y : top, y + 1);
            }
        }

        return top < 0 ? default : (left, top, right, bottom);
    }

    private void Resize(int width, int height)
    {
        (Width, Height) = (width, height);
        if (_grey.Length < width * height)
        {
            (_grey, _mask, _visible, _queue) = (new byte[width * height], new byte[width * height], new byte[width * height], new int[width * height]);
        }
    }

    private void Resample(Sprite sprite, (double X, double Y) centre, Rotation rotation, double scale, int mirror)
    {
        // Source coordinates in units of 2^-16; whole numbers are centres of source pixels.
        var (xAcross, yAcross) = (Fixed(rotation.Cos * scale) * mirror, Fixed(-rotation.Sin * scale));
        var (xDown, yDown) = (Fixed(rotation.Sin * scale) * mirror, Fixed(rotation.Cos * scale));
        var (xStart, yStart) = (Fixed(centre.X - 0.5), Fixed(centre.Y - 0.5));
        var pixels = sprite.Pixels.Span;
        for (var row = 0; row < Height; row++)
        {
            // Twice the distance from the middle is whole.
            var (across, down) = (1 - Width, (2 * row) + 1 - Height);
            var x = xStart + (int)((((long)xAcross * across) + ((long)xDown * down)) >> 1);
            var y = yStart + (int)((((long)yAcross * across) + ((long)yDown * down)) >> 1);
            foreach (ref var grey in _grey.AsSpan(row * Width, Width))
            {
                grey = Sample(pixels, sprite.Width, sprite.Height, x, y);
                x += xAcross;
                y += yAcross;
            }
        }
    }

    private static byte Sample(ReadOnlySpan<byte> pixels, int width, int height, int x, int y)
    {
        var (column, row) = (x >> 16, y >> 16);
        if (column < -1 || row < -1 || column >= width || row >= height)
        {
            return 0;
        }

        var (right, down) = ((x >> 8) & 255, (y >> 8) & 255);
        var at = (row * width) + column;
        var (hasLeft, hasRight, hasTop, hasBottom) = (column >= 0, column + 1 < width, row >= 0, row + 1 < height);
        var upper = ((hasTop && hasLeft ? pixels[at] : 0) * (256 - right)) + ((hasTop && hasRight ? pixels[at + 1] : 0) * right);
        var lower = ((hasBottom && hasLeft ? pixels[at + width] : 0) * (256 - right)) + ((hasBottom && hasRight ? pixels[at + width + 1] : 0) * right);
        return (byte)(((upper * (256 - down)) + (lower * down) + 32768) >> 16);
    }

    private static int Fixed(double value) => (int)Math.Floor((value * 65536) + 0.5);
}
