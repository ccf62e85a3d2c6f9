namespace IsVit.Detection.Drawing;

/// <summary>A colour, 0 to 255 a channel.</summary>
/// <param name="Red">Red.</param>
/// <param name="Green">Green.</param>
/// <param name="Blue">Blue.</param>
public readonly record struct PictureColor(byte Red, byte Green, byte Blue)
{
    /// <summary>Black or white, whichever is read better on this colour.</summary>
    internal PictureColor Ink => (299 * Red) + (587 * Green) + (114 * Blue) >= 128_000 ? new PictureColor(0, 0, 0) : new PictureColor(255, 255, 255);
}
