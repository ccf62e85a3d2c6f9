namespace IsVit.Detection.Drawing;

/// <summary>How a <see cref="DetectionPicture"/> is drawn.</summary>
public sealed record DetectionPictureOptions
{
    private readonly int? _scale;
    private readonly int? _lineWidth;
    private readonly double _maskOpacity = 0.4;
    private readonly double _minScore;
    private readonly IReadOnlyList<PictureColor> _palette = DefaultPalette;

    /// <summary>The largest <see cref="Scale"/>.</summary>
    public const int MaxScale = 32;

    /// <summary>The largest <see cref="LineWidth"/>.</summary>
    public const int MaxLineWidth = 64;

    /// <summary>Twenty colours that are easy to tell apart, the most distinct ones first.</summary>
    public static IReadOnlyList<PictureColor> DefaultPalette { get; } = Array.AsReadOnly<PictureColor>(
    [
        new(230, 40, 60), new(40, 120, 240), new(60, 200, 70), new(255, 200, 20), new(170, 60, 220),
        new(255, 130, 30), new(30, 210, 220), new(240, 70, 200), new(150, 100, 50), new(190, 240, 60),
        new(0, 130, 120), new(255, 170, 180), new(100, 90, 255), new(130, 20, 40), new(20, 90, 30),
        new(170, 225, 255), new(130, 130, 20), new(255, 235, 150), new(20, 30, 120), new(205, 160, 255),
    ]);

    /// <summary>
    /// How many pixels of the picture, along each side, show one of the image (nearest neighbour), 1 to <see cref="MaxScale"/>; null, the default, enlarges images whose
    /// longer side is below 512 to that or a little more: 4 for 128 pixels.
    /// </summary>
    public int? Scale
    {
        get => _scale;
        init => _scale = value is null or (>= 1 and <= MaxScale) ? value : throw Bad(nameof(Scale), value, $"1 to {MaxScale}, or null");
    }

    /// <summary>
    /// The width of a box's border in pixels of the picture, inside the box, 1 to <see cref="MaxLineWidth"/>; null, the default, is one for each 256 pixels of the
    /// picture's shorter side, rounded, at least 1.
    /// </summary>
    public int? LineWidth
    {
        get => _lineWidth;
        init => _lineWidth = value is null or (>= 1 and <= MaxLineWidth) ? value : throw Bad(nameof(LineWidth), value, $"1 to {MaxLineWidth}, or null");
    }

    /// <summary>How much of the colour is mixed into the pixels of a mask, 0 (masks are not drawn) to 1; 0.4 by default. The mask's rim is of the full colour.</summary>
    public double MaskOpacity
    {
        get => _maskOpacity;
        init => _maskOpacity = value is >= 0 and <= 1 ? value : throw Bad(nameof(MaskOpacity), value, "0 to 1");
    }

    /// <summary>Objects with a lower score are left out, 0 to 1; 0 by default.</summary>
    public double MinScore
    {
        get => _minScore;
        init => _minScore = value is >= 0 and <= 1 ? value : throw Bad(nameof(MinScore), value, "0 to 1");
    }

    /// <summary>The colours by label, beginning anew where there are more labels; <see cref="DefaultPalette"/> by default.</summary>
    public IReadOnlyList<PictureColor> Palette
    {
        get => _palette;
        init => _palette = value switch
        {
            null => throw new ArgumentNullException(nameof(Palette)),
            { Count: 0 } => throw new ArgumentException("Palette has no colours; expected at least one.", nameof(Palette)),
            _ => value,
        };
    }

    private static ArgumentOutOfRangeException Bad(string name, object? value, string expected) => new(name, value, $"{name} is {expected}.");
}
