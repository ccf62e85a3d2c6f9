namespace IsVit.Detection.Drawing;

/// <summary>A detection, or an object that should have been detected, to be drawn over an image.</summary>
/// <param name="Label">The class, 0 or more; it chooses the colour.</param>
/// <param name="Name">What to write; nothing is written if it is empty and there is no score. Characters other than those of ASCII are written as '?'.</param>
/// <param name="X1">The left edge of the box in pixels of the image: a box around the columns 3 to 5 has X1 = 3 and X2 = 6.</param>
/// <param name="Y1">The upper edge of the box.</param>
/// <param name="X2">The right edge of the box, not below <paramref name="X1"/>.</param>
/// <param name="Y2">The lower edge of the box, not below <paramref name="Y1"/>.</param>
public sealed record DrawnObject(int Label, string Name, double X1, double Y1, double X2, double Y2)
{
    /// <summary>The score, written with two decimals behind the name; null for none.</summary>
    public double? Score { get; init; }

    /// <summary>The mask: not 0 where the object is, for each pixel of the image, rows from top to bottom; null for none.</summary>
    public ReadOnlyMemory<byte>? Mask { get; init; }

    /// <summary>Name and score.</summary>
    internal string Caption => Score is { } score ? FormattableString.Invariant($"{Name} {score:0.00}").TrimStart() : Name;
}
