namespace IsVit.Detection.Scenes;

/// <summary>What is behind the objects of a scene: a gradient between four colours, and clutter: lines, and rectangles, ellipses and triangles with textures.</summary>
internal static class Background
{
    // Lengths in the frame of a piece are in sixteenths of a pixel.
    private const int Unit = 16;

    /// <summary>Paints a gradient and pieces of clutter over a scene.</summary>
    /// <param name="rgb">Three bytes a pixel, side x side pixels.</param>
    /// <param name="side">Columns and rows.</param>
    /// <param name="clutter">The number of pieces.</param>
    /// <param name="random">Where colours, places, sizes and kinds come from.</param>
    public static void Paint(Span<byte> rgb, int side, int clutter, SceneRandom random)
    {
        PaintGradient(rgb, side, random);
        for (var i = 0; i < clutter; i++)
        {
            PaintPiece(rgb, side, random);
        }
    }

    /// <summary>Adds noise to every byte, evenly distributed from -<paramref name="amplitude"/> to <paramref name="amplitude"/>.</summary>
    public static void AddNoise(Span<byte> rgb, int amplitude, SceneRandom random)
    {
        if (amplitude == 0)
        {
            return;
        }

        for (var i = 0; i < rgb.Length;)
        {
            var bits = random.NextBits();
            for (var k = 0; k < 8 && i < rgb.Length; k++, i++, bits >>= 8)
            {
                var offset = (((int)(bits & 255) * ((2 * amplitude) + 1)) >> 8) - amplitude;
                rgb[i] = (byte)Math.Clamp(rgb[i] + offset, 0, 255);
            }
        }
    }

    private static void PaintGradient(Span<byte> rgb, int side, SceneRandom random)
    {
        Span<int> corners = stackalloc int[12];
        for (var c = 0; c < 3; c++)
        {
            var middle = random.Next(24, 200);
            for (var corner = 0; corner < 4; corner++)
            {
                corners[(corner * 3) + c] = Math.Clamp(middle + random.Next(-40, 40), 0, 255);
            }
        }

        var last = side - 1;
        for (var y = 0; y < side; y++)
        {
            for (var c = 0; c < 3; c++)
            {
                var left = (corners[c] * (last - y)) + (corners[6 + c] * y);
                var right = (corners[3 + c] * (last - y)) + (corners[9 + c] * y);
                for (var x = 0; x < side; x++)
                {
                    rgb[(((y * side) + x) * 3) + c] = (byte)(((left * (last - x)) + (right * x)) / (last * last));
                }
            }
        }
    }

    private static void PaintPiece(Span<byte> rgb, int side, SceneRandom random)
    {
        var shape = (Shape)random.Next(0, 3);
        var texture = (Texture)random.Next(0, 3);
        var a = shape == Shape.Line ? random.Next(side * Unit / 10, side * Unit / 2) : random.Next(side * Unit / 32, side * Unit / 6);
        var b = shape == Shape.Line ? random.Next(Unit / 2, Unit * 3 / 2) : random.Next(side * Unit / 40, a);
        var piece = new Piece(shape, texture, a, b, random.Next(2 * Unit, 7 * Unit));
        var rotation = Rotation.FromDegrees(random.Next(-1800, 1800) / 10.0);
        var (cos, sin) = (rotation.CosFixed, rotation.SinFixed);
        var (centreX, centreY) = (random.Next(0, side - 1), random.Next(0, side - 1));
        Span<int> colours = stackalloc int[6];
        foreach (ref var channel in colours)
        {
            channel = random.Next(0, 230);
        }

        var opacity = random.Next(100, 256);
        var reachX = (int)((((long)a * Math.Abs(cos)) + ((long)b * Math.Abs(sin))) / (Unit * 65536)) + 1;
        var reachY = (int)((((long)a * Math.Abs(sin)) + ((long)b * Math.Abs(cos))) / (Unit * 65536)) + 1;
        for (var y = Math.Max(0, centreY - reachY); y <= Math.Min(side - 1, centreY + reachY); y++)
        {
            for (var x = Math.Max(0, centreX - reachX); x <= Math.Min(side - 1, centreX + reachX); x++)
            {
                var (dx, dy) = (x - centreX, y - centreY);
                var (u, v) = (((dx * cos) + (dy * sin)) >> 12, ((dy * cos) - (dx * sin)) >> 12);
                if (piece.Contains(u, v))
                {
                    var colour = colours.Slice(piece.Colour(u, v, random) * 3, 3);
                    var pixel = rgb.Slice(((y * side) + x) * 3, 3);
                    for (var c = 0; c < 3; c++)
                    {
                        pixel[c] = (byte)(((pixel[c] * (256 - opacity)) + (colour[c] * opacity)) >> 8);
                    }
                }
            }
        }
    }

    private enum Shape
    {
        Line,
        Rectangle,
        Ellipse,
        Triangle,
    }

    private enum Texture
    {
        Plain,
        Stripes,
        Checks,
        Grain,
    }

    private readonly record struct Piece(Shape Shape, Texture Texture, int HalfLength, int HalfWidth, int Period)
    {
        // More than any coordinate, to divide positive numbers only.
        private const int Positive = 1 << 20;

        public bool Contains(int u, int v)
        {
            if (Math.Abs(u) > HalfLength || Math.Abs(v) > HalfWidth)
            {
                return false;
            }

            long a = HalfLength, b = HalfWidth;
            return Shape switch
            {
                Shape.Ellipse => (u * u * b * b) + (v * v * a * a) <= a * a * b * b,
                Shape.Triangle => 2 * b * Math.Abs(u) <= a * (v + b),
                _ => true,
            };
        }

        /// <summary>Which of two colours a point has.</summary>
        public int Colour(int u, int v, SceneRandom random) => Texture switch
        {
            Texture.Stripes => ((u + Positive) / Period) & 1,
            Texture.Checks => (((u + Positive) / Period) + ((v + Positive) / Period)) & 1,
            Texture.Grain => (int)(random.NextBits() & 1),
            _ => 0,
        };
    }
}
