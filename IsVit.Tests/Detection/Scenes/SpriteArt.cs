using IsVit.Detection.Scenes;

namespace IsVit.Tests.Detection.Scenes;

/// <summary>Sprites made by a formula.</summary>
internal static class SpriteArt
{
    /// <summary>A sprite whose pixels are given by column and row.</summary>
    public static Sprite Make(int width, int height, int label, Func<int, int, int> grey)
    {
        var pixels = new byte[width * height];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)grey(i % width, i / width);
        }

        return new Sprite(pixels, width, height, label);
    }

    /// <summary>A filled rectangle with four empty pixels around it.</summary>
    public static Sprite Block(int width, int height, int label) =>
        Make(width + 8, height + 8, label, (x, y) => x >= 4 && x < width + 4 && y >= 4 && y < height + 4 ? 255 : 0);

    /// <summary>An ell: a bar at the left and one at the bottom, 6 of 20 pixels thick.</summary>
    public static Sprite Ell(int label) => Make(20, 20, label, (x, y) => x < 6 || y >= 14 ? 255 : 0);

    /// <summary>Ten kinds of shapes of 28 x 28 pixels with shading, labels 0 to 9.</summary>
    public static Sprite[] Assortment() =>
    [
        .. Enumerable.Range(0, 10).Select(label => Make(28, 28, label, (x, y) =>
        {
            var (dx, dy) = (x - 13, y - 13);
            var inside = (label % 5) switch
            {
                0 => (dx * dx) + (dy * dy) < 150 - (label * 4),
                1 => Math.Abs(dx) < 5 + (label / 2) && Math.Abs(dy) < 13,
                2 => Math.Abs(dx) + Math.Abs(dy) < 13 + (label / 5),
                3 => Math.Abs(dy) < 4 + (label / 2) || (Math.Abs(dx) < 4 && dy > 0),
                _ => (x < 9 || x > 18 || y < 9) && y > label / 3,
            };
            return inside ? 60 + (((x * 7) + (y * 5) + (label * 20)) % 190) : 0;
        })),
    ];
}
