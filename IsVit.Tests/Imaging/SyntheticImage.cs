using System.Security.Cryptography;
using IsVit.Model.Imaging;

namespace IsVit.Tests.Imaging;

/// <summary>Images made by a formula, equal to those in Golden/make_golden.py, and digests to compare with that script's.</summary>
internal static class SyntheticImage
{
    public static RgbImage Pattern(int width, int height)
    {
        var rgb = new byte[width * height * 3];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                for (var c = 0; c < 3; c++)
                {
                    rgb[(((y * width) + x) * 3) + c] = (byte)((x * 37) + (y * 91) + (c * 53) + (x * y * (c + 3)));
                }
            }
        }

        return RgbImage.FromRgb(width, height, rgb);
    }

    public static byte[] Rgb(RgbImage image)
    {
        var rgb = new byte[image.Width * image.Height * 3];
        image.CopyRgbTo(rgb);
        return rgb;
    }

    public static string Digest(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
