namespace IsVit.Detection.Scenes;

/// <summary>A grey picture of one thing on a dark ground, such as an image of Fashion-MNIST: what a <see cref="SceneComposer"/> puts into scenes.</summary>
public sealed class Sprite
{
    /// <summary>The largest width and height.</summary>
    public const int MaxSide = 1024;

    /// <summary>Creates a sprite. The pixels are not copied.</summary>
    /// <param name="pixels">One byte a pixel, rows from top to bottom: width x height bytes.</param>
    /// <param name="width">Pixels in a row, 1 to <see cref="MaxSide"/>.</param>
    /// <param name="height">Rows, 1 to <see cref="MaxSide"/>.</param>
    /// <param name="label">The class, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side or the label is out of its range.</exception>
    /// <exception cref="ArgumentException">There are more or fewer bytes than pixels.</exception>
    public Sprite(ReadOnlyMemory<byte> pixels, int width, int height, int label)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, MaxSide);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(height, MaxSide);
        ArgumentOutOfRangeException.ThrowIfNegative(label);
        if (pixels.Length != width * height)
        {
            throw new ArgumentException(FormattableString.Invariant($"A sprite of {width} x {height} pixels has {width * height} bytes; found {pixels.Length}."), nameof(pixels));
        }

        (Pixels, Width, Height, Label) = (pixels, width, height, label);
    }

    /// <summary>One byte a pixel, rows from top to bottom.</summary>
    public ReadOnlyMemory<byte> Pixels { get; }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>The class.</summary>
    public int Label { get; }
}
