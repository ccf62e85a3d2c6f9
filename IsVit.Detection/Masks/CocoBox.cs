namespace IsVit.Detection.Masks;

/// <summary>A box as COCO has it: its upper left corner and its sides, in pixels of the picture, whole numbers lying on the edges of pixels.</summary>
/// <param name="X">The left edge.</param>
/// <param name="Y">The upper edge.</param>
/// <param name="Width">The horizontal side; one that is 0 or negative makes the box empty.</param>
/// <param name="Height">The vertical side; one that is 0 or negative makes the box empty.</param>
public readonly record struct CocoBox(double X, double Y, double Width, double Height)
{
    /// <summary>Width x height, in pixels; as pycocotools computes it, so that two negative sides give a positive number.</summary>
    public double Area => Width * Height;

    internal bool IsFinite => double.IsFinite(X) && double.IsFinite(Y) && double.IsFinite(Width) && double.IsFinite(Height);

    /// <summary>The intersection over union of this box, a detection, and one of the ground truth, in the arithmetic of cocoapi's bbIou.</summary>
    /// <param name="truth">The other box.</param>
    /// <param name="crowd">Whether <paramref name="truth"/> is a crowd: then the divisor is the area of this box instead of that of the union.</param>
    /// <returns>0 (also where a side is 0 or negative) to 1.</returns>
    public double IntersectionOverUnion(CocoBox truth, bool crowd = false)
    {
        var width = Math.Min(Width + X, truth.Width + truth.X) - Math.Max(X, truth.X);
        var height = Math.Min(Height + Y, truth.Height + truth.Y) - Math.Max(Y, truth.Y);
        if (width <= 0 || height <= 0)
        {
            return 0;
        }

        var intersection = width * height;
        return intersection / (crowd ? Area : Area + truth.Area - intersection);
    }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"[{X}, {Y}, {Width}, {Height}]");
}
