using System.Buffers.Text;

/// <summary>A binary portable pixmap (P6) of 8 bits a channel.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Rgb">Three bytes a pixel.</param>
internal readonly record struct PortablePixmap(int Width, int Height, ReadOnlyMemory<byte> Rgb)
{
    /// <exception cref="FormatException">It is no such file.</exception>
    public static PortablePixmap Read(string path)
    {
        var file = File.ReadAllBytes(path);
        var at = 2;
        if (!file.AsSpan().StartsWith("P6"u8) || Number(file, ref at) is not (> 0 and var width) || Number(file, ref at) is not (> 0 and var height) || Number(file, ref at) != byte.MaxValue)
        {
            throw new FormatException($"'{path}' is no portable pixmap of 8 bits a channel (P6, width, height, 255).");
        }

        // One white space ends the header.
        var rgb = file.AsMemory(Math.Min(at + 1, file.Length));
        return rgb.Length == 3L * width * height ? new(width, height, rgb) : throw new FormatException($"'{path}' has {rgb.Length} bytes of pixels; expected 3 x {width} x {height}.");
    }

    private static int Number(ReadOnlySpan<byte> file, ref int at)
    {
        while (at < file.Length && (file[at] <= ' ' || file[at] == '#'))
        {
            var isComment = file[at] == '#';
            at++;
            while (isComment && at < file.Length && file[at] != '\n')
            {
                at++;
            }
        }

        if (!Utf8Parser.TryParse(file[at..], out int number, out var length))
        {
            return 0;
        }

        at += length;
        return number;
    }
}
