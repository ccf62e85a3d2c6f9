using System.Runtime.InteropServices;
using IsVit.Model.Imaging;
using SkiaSharp;

namespace IsVit.Core.Imaging;

/// <summary>Turns and mirrors an image as its EXIF orientation says.</summary>
internal static class ImageOrientation
{
    /// <summary>The upright image. Takes the given one over: it is returned, or disposed and a turned one returned.</summary>
    public static RgbImage Apply(RgbImage image, SKEncodedOrigin origin)
    {
        // Where the stored image has its row 0 and column 0 decides, for the upright pixel (x, y), which stored one it is.
        var (swap, flipX, flipY) = origin switch
        {
            SKEncodedOrigin.TopRight => (false, true, false),
            SKEncodedOrigin.BottomRight => (false, true, true),
            SKEncodedOrigin.BottomLeft => (false, false, true),
            SKEncodedOrigin.LeftTop => (true, false, false),
            SKEncodedOrigin.RightTop => (true, false, true),
            SKEncodedOrigin.RightBottom => (true, true, true),
            SKEncodedOrigin.LeftBottom => (true, true, false),
            _ => (false, false, false),
        };
        if (!swap && !flipX && !flipY)
        {
            return image;
        }

        using (image)
        {
            var turned = swap ? new RgbImage(image.Height, image.Width) : new RgbImage(image.Width, image.Height);
            var from = MemoryMarshal.Cast<byte, uint>(image.Pixels);
            var to = MemoryMarshal.Cast<byte, uint>(turned.Pixels);
            var at = 0;
            for (var y = 0; y < turned.Height; y++)
            {
                for (var x = 0; x < turned.Width; x++)
                {
                    var (column, row) = swap ? (y, x) : (x, y);
                    column = flipX ? image.Width - 1 - column : column;
                    row = flipY ? image.Height - 1 - row : row;
                    to[at++] = from[(row * image.Width) + column];
                }
            }

            return turned;
        }
    }
}
