namespace IsVit.Core.Imaging;

/// <summary>The kinds of image file that are read, told apart by their first bytes, never by the file's name.</summary>
internal enum ImageFormat
{
    Unknown,
    Jpeg,
    Png,
    Bmp,
    WebP,
}

/// <summary>Tells kinds of image file by their first bytes.</summary>
internal static class ImageFormats
{
    public static ImageFormat Detect(ReadOnlySpan<byte> file) => file switch
    {
        [0xFF, 0xD8, 0xFF, ..] => ImageFormat.Jpeg,
        [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => ImageFormat.Png,
        [(byte)'B', (byte)'M', ..] => ImageFormat.Bmp,
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => ImageFormat.WebP,
        _ => ImageFormat.Unknown,
    };

    /// <summary>The first bytes as an error message shows them.</summary>
    public static string Start(ReadOnlySpan<byte> file) => Convert.ToHexString(file[..Math.Min(file.Length, 8)]);
}
