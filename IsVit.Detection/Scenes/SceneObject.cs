namespace IsVit.Detection.Scenes;

/// <summary>What is visible of one object of a <see cref="Scene"/>.</summary>
public sealed class SceneObject
{
    internal SceneObject(int label, byte[] mask, int area, double hiddenShare, (int Left, int Top, int Right, int Bottom) box)
    {
        (Label, Mask, Area, HiddenShare) = (label, mask, area, hiddenShare);
        (X1, Y1, X2, Y2) = box;
    }

    /// <summary>The class: the sprite's label.</summary>
    public int Label { get; }

    /// <summary>The left edge of the tight box of <see cref="Mask"/>, in pixels: a mask in the columns 3 to 5 has X1 = 3 and X2 = 6.</summary>
    public double X1 { get; }

    /// <summary>The upper edge of the tight box of <see cref="Mask"/>, in pixels.</summary>
    public double Y1 { get; }

    /// <summary>The right edge of the tight box of <see cref="Mask"/>, in pixels.</summary>
    public double X2 { get; }

    /// <summary>The lower edge of the tight box of <see cref="Mask"/>, in pixels.</summary>
    public double Y2 { get; }

    /// <summary>1 where the object is seen and 0 elsewhere, for each pixel of the scene, rows from top to bottom; owned by the caller.</summary>
    public byte[] Mask { get; }

    /// <summary>The number of pixels in <see cref="Mask"/>.</summary>
    public int Area { get; }

    /// <summary>The share of the object's silhouette that is hidden by objects in front of it, 0 to <see cref="SceneOptions.MaxHiddenShare"/>.</summary>
    public double HiddenShare { get; }
}
