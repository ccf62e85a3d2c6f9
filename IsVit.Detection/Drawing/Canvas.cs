namespace IsVit.Detection.Drawing;

/// <summary>RGB pixels to draw on; what lies outside is not drawn.</summary>
internal sealed class Canvas
{
    /// <summary>Creates a canvas of one colour.</summary>
    /// <exception cref="ArgumentException">It does not fit into an array.</exception>
    public Canvas(long width, long height, PictureColor ground = default)
    {
        if (height > Array.MaxLength / 3 / width)
        {
            throw new ArgumentException(FormattableString.Invariant($"A picture of {width} x {height} pixels is too large; expected at most {Array.MaxLength / 3} pixels."));
        }

        (Width, Height) = ((int)width, (int)height);
        Rgb = new byte[Width * Height * 3];
        Fill(0, 0, Width, Height, ground);
    }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Three bytes a pixel, rows from top to bottom.</summary>
    public byte[] Rgb { get; }

    /// <summary>Sets a pixel inside.</summary>
    public void Set(int x, int y, PictureColor colour)
    {
        var at = ((y * Width) + x) * 3;
        (Rgb[at], Rgb[at + 1], Rgb[at + 2]) = (colour.Red, colour.Green, colour.Blue);
    }

    /// <summary>Mixes a colour into a pixel inside.</summary>
    /// <param name="x">The column.</param>
    /// <param name="y">The row.</param>
    /// <param name="colour">The colour.</param>
    /// <param name="share">Of 256 parts, those of the colour.</param>
    public void Mix(int x, int y, PictureColor colour, int share)
    {
        var pixel = Rgb.AsSpan(((y * Width) + x) * 3, 3);
        pixel[0] = Mixed(pixel[0], colour.Red, share);
        pixel[1] = Mixed(pixel[1], colour.Green, share);
        pixel[2] = Mixed(pixel[2], colour.Blue, share);
    }

    /// <summary>Fills the columns and rows from the first (included) to the second (not included).</summary>
    public void Fill(int left, int top, int right, int bottom, PictureColor colour)
    {
        for (var y = Math.Max(0, top); y < Math.Min(Height, bottom); y++)
        {
            for (var x = Math.Max(0, left); x < Math.Min(Width, right); x++)
            {
                Set(x, y, colour);
            }
        }
    }

    /// <summary>Draws the border of a box, inside it.</summary>
    public void Frame(int left, int top, int right, int bottom, int line, PictureColor colour)
    {
        Fill(left, top, right, Math.Min(top + line, bottom), colour);
        Fill(left, Math.Max(bottom - line, top), right, bottom, colour);
        Fill(left, top, Math.Min(left + line, right), bottom, colour);
        Fill(Math.Max(right - line, left), top, right, bottom, colour);
    }

    /// <summary>Writes a text, <paramref name="size"/> pixels for each pixel of the font.</summary>
    public void Write(string text, int left, int top, int size, PictureColor colour)
    {
        for (var i = 0; i < text.Length; i++)
        {
            for (var y = 0; y < BitmapFont.Height; y++)
            {
                for (var x = 0; x < BitmapFont.Width; x++)
                {
                    if (BitmapFont.IsSet(text[i], x, y))
                    {
                        var (atX, atY) = (left + (((i * BitmapFont.Advance) + x) * size), top + (y * size));
                        Fill(atX, atY, atX + size, atY + size, colour);
                    }
                }
            }
        }
    }

    /// <summary>Copies another canvas to a place where it fits.</summary>
    public void Paste(ReadOnlySpan<byte> rgb, int width, int left, int top)
    {
        for (var y = 0; y < rgb.Length / 3 / width; y++)
        {
            rgb.Slice(y * width * 3, width * 3).CopyTo(Rgb.AsSpan((((top + y) * Width) + left) * 3));
        }
    }

    private static byte Mixed(byte under, byte over, int share) => (byte)(((under * (256 - share)) + (over * share) + 128) >> 8);
}
