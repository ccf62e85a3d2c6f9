using IsVit.Core.Imaging;
using IsVit.Model.Imaging;
using SkiaSharp;

namespace IsVit.Detection.Drawing;

/// <summary>An image with detections drawn over it: translucent masks, boxes, and names with scores. The pixels are the same on every machine.</summary>
public sealed class DetectionPicture
{
    private static readonly PictureColor CaptionGround = new(24, 24, 24);

    private readonly Canvas _canvas;

    private DetectionPicture(Canvas canvas) => _canvas = canvas;

    /// <summary>Pixels in a row.</summary>
    public int Width => _canvas.Width;

    /// <summary>Rows.</summary>
    public int Height => _canvas.Height;

    /// <summary>Three bytes a pixel (red, green, blue), rows from top to bottom.</summary>
    public ReadOnlyMemory<byte> Rgb => _canvas.Rgb;

    /// <summary>Draws over pixels in memory.</summary>
    /// <param name="rgb">Three bytes a pixel (red, green, blue), rows from top to bottom: 3 x width x height bytes.</param>
    /// <param name="width">Pixels in a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="objects">What to draw; the first is drawn last, over the others.</param>
    /// <param name="options">How to draw; null for the defaults.</param>
    /// <exception cref="ArgumentException">The bytes are not those of the size; or an object has a negative label, a score or box that is none, or a mask of another size.</exception>
    public static DetectionPicture Draw(ReadOnlySpan<byte> rgb, int width, int height, IReadOnlyList<DrawnObject> objects, DetectionPictureOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentNullException.ThrowIfNull(objects);
        if (rgb.Length != 3L * width * height)
        {
            throw new ArgumentException(FormattableString.Invariant($"{width} x {height} pixels of 3 bytes are {3L * width * height} bytes; found {rgb.Length}."), nameof(rgb));
        }

        for (var i = 0; i < objects.Count; i++)
        {
            Check(objects[i], i, width, height, nameof(objects));
        }

        options ??= new DetectionPictureOptions();
        var scale = options.Scale ?? Math.Max(1, (511 + Math.Max(width, height)) / Math.Max(width, height));
        var canvas = Enlarge(rgb, width, height, scale);
        DrawOver(canvas, [.. objects.Where(o => !(o.Score < options.MinScore)).Reverse()], width, scale, options);
        return new DetectionPicture(canvas);
    }

    /// <summary>Draws over an image file: JPEG, PNG, BMP or WebP.</summary>
    /// <param name="path">The file. Boxes and masks are in its pixels as they are stored, however the file asks to be turned.</param>
    /// <param name="objects">What to draw; the first is drawn last, over the others.</param>
    /// <param name="options">How to draw; null for the defaults.</param>
    /// <exception cref="ImageException">The file cannot be read.</exception>
    /// <exception cref="ArgumentException">An object has a negative label, a score or box that is none, or a mask of another size.</exception>
    public static DetectionPicture Draw(string path, IReadOnlyList<DrawnObject> objects, DetectionPictureOptions? options = null)
    {
        using var image = new ImageDecoder().Decode(path);
        var rgb = new byte[3 * image.Width * image.Height];
        image.CopyRgbTo(rgb);
        return Draw(rgb, image.Width, image.Height, objects, options);
    }

    /// <summary>Puts two pictures side by side, such as what a model finds in float and quantized, each under its caption.</summary>
    /// <param name="left">The left picture.</param>
    /// <param name="right">The right picture; if heights differ, the upper edges are aligned.</param>
    /// <param name="leftCaption">What is written above the left picture, cut off at its width.</param>
    /// <param name="rightCaption">What is written above the right picture, cut off at its width.</param>
    public static DetectionPicture SideBySide(DetectionPicture left, DetectionPicture right, string leftCaption, string rightCaption)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        ArgumentNullException.ThrowIfNull(leftCaption);
        ArgumentNullException.ThrowIfNull(rightCaption);
        var size = Unit(Math.Min(Math.Min(left.Width, left.Height), Math.Min(right.Width, right.Height)));
        var (strip, gap) = ((BitmapFont.Height + 4) * size, 4 * size);
        var canvas = new Canvas((long)left.Width + gap + right.Width, (long)strip + Math.Max(left.Height, right.Height), CaptionGround);
        foreach (var (picture, caption, x) in new[] { (left, leftCaption, 0), (right, rightCaption, left.Width + gap) })
        {
            canvas.Paste(picture.Rgb.Span, picture.Width, x, strip);
            var fitting = Math.Max(0, (picture.Width - (4 * size)) / (BitmapFont.Advance * size));
            canvas.Write(caption[..Math.Min(caption.Length, fitting)], x + (2 * size), 2 * size, size, CaptionGround.Ink);
        }

        return new DetectionPicture(canvas);
    }

    /// <summary>Writes the picture as a PNG file, over one that exists.</summary>
    /// <param name="path">The file; its folder exists.</param>
    /// <exception cref="ImageException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var file = File.Create(path);
            Save(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ImageException(path, $"the picture cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Writes the picture as PNG.</summary>
    /// <param name="stream">Where to; it is left open.</param>
    public unsafe void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var image = RgbImage.FromRgb(Width, Height, _canvas.Rgb);
        fixed (byte* pixels = image.Pixels)
        {
            using var pixmap = new SKPixmap(new SKImageInfo(Width, Height, SKColorType.Rgba8888, SKAlphaType.Opaque), (nint)pixels);
            using var data = pixmap.Encode(SKPngEncoderOptions.Default);
            data.SaveTo(stream);
        }
    }

    private static void Check(DrawnObject found, int index, int width, int height, string parameter)
    {
        var problem = found switch
        {
            null => "is null",
            { Name: null } => "has no name (null); expected a text, empty for none",
            { Label: < 0 } => FormattableString.Invariant($"has the label {found.Label}, expected 0 or more"),
            _ when !(double.IsFinite(found.X1) && double.IsFinite(found.Y1) && double.IsFinite(found.X2) && double.IsFinite(found.Y2) && found.X1 <= found.X2 && found.Y1 <= found.Y2) =>
                FormattableString.Invariant($"has the box ({found.X1}, {found.Y1}, {found.X2}, {found.Y2}), expected finite edges, left before right and upper before lower"),
            { Score: { } score } when !double.IsFinite(score) => FormattableString.Invariant($"has the score {score}, expected a finite number or null"),
            { Mask: { } mask } when mask.Length != width * height =>
                FormattableString.Invariant($"has a mask of {mask.Length} bytes, expected {width * height}: {width} x {height} pixels"),
            _ => null,
        };
        if (problem is not null)
        {
            throw new ArgumentException(FormattableString.Invariant($"Object {index} {problem}."), parameter);
        }
    }

    private static Canvas Enlarge(ReadOnlySpan<byte> rgb, int width, int height, int scale)
    {
        var canvas = new Canvas((long)width * scale, (long)height * scale);
        for (var y = 0; y < canvas.Height; y++)
        {
            for (var x = 0; x < canvas.Width; x++)
            {
                rgb.Slice(((y / scale * width) + (x / scale)) * 3, 3).CopyTo(canvas.Rgb.AsSpan(((y * canvas.Width) + x) * 3));
            }
        }

        return canvas;
    }

    private static void DrawOver(Canvas canvas, DrawnObject[] objects, int width, int scale, DetectionPictureOptions options)
    {
        var unit = Unit(Math.Min(canvas.Width, canvas.Height));
        PictureColor Colour(DrawnObject o) => options.Palette[o.Label % options.Palette.Count];
        foreach (var o in objects)
        {
            if (o.Mask is { } mask && options.MaskOpacity > 0)
            {
                DrawMask(canvas, mask.Span, width, scale, Colour(o), (int)Math.Round(options.MaskOpacity * 256));
            }
        }

        foreach (var o in objects)
        {
            canvas.Frame(
                Edge(o.X1, scale, canvas.Width), Edge(o.Y1, scale, canvas.Height), Edge(o.X2, scale, canvas.Width), Edge(o.Y2, scale, canvas.Height),
                options.LineWidth ?? unit, Colour(o));
        }

        foreach (var o in objects)
        {
            DrawCaption(canvas, o.Caption, Edge(o.X1, scale, canvas.Width), Edge(o.Y1, scale, canvas.Height), unit, Colour(o));
        }
    }

    private static void DrawMask(Canvas canvas, ReadOnlySpan<byte> mask, int width, int scale, PictureColor colour, int share)
    {
        var height = mask.Length / width;
        for (var y = 0; y < canvas.Height; y++)
        {
            for (var x = 0; x < canvas.Width; x++)
            {
                if (!IsIn(mask, x, y))
                {
                    continue;
                }

                if (IsIn(mask, x - 1, y) && IsIn(mask, x + 1, y) && IsIn(mask, x, y - 1) && IsIn(mask, x, y + 1))
                {
                    canvas.Mix(x, y, colour, share);
                }
                else
                {
                    canvas.Set(x, y, colour);
                }
            }
        }

        bool IsIn(ReadOnlySpan<byte> mask, int x, int y) =>
            x >= 0 && y >= 0 && x < width * scale && y < height * scale && mask[(y / scale * width) + (x / scale)] != 0;
    }

    private static void DrawCaption(Canvas canvas, string text, int left, int top, int size, PictureColor colour)
    {
        if (text.Length == 0)
        {
            return;
        }

        // Above the box, or at its upper edge where there is no room; shifted to the left at the right edge of the picture.
        var (width, height) = ((BitmapFont.Measure(text) + 2) * size, (BitmapFont.Height + 2) * size);
        var x = Math.Max(0, Math.Min(left, canvas.Width - width));
        var y = Math.Max(0, Math.Min(top >= height ? top - height : top, canvas.Height - height));
        canvas.Fill(x, y, x + width, y + height, colour);
        canvas.Write(text, x + size, y + size, size, colour.Ink);
    }

    /// <summary>Pixels of the picture for a line, and for a pixel of the font.</summary>
    private static int Unit(int shorterSide) => Math.Max(1, (shorterSide + 128) / 256);

    /// <summary>An edge of a box in pixels of the picture, within it.</summary>
    private static int Edge(double edge, int scale, int limit) => (int)Math.Floor(Math.Clamp((edge * scale) + 0.5, 0, limit));
}
