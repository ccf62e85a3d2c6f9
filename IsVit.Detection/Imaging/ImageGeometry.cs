namespace IsVit.Detection.Imaging;

/// <summary>The size of an image as a detector sees it, without padding, and as it was before it was resized.</summary>
/// <param name="Height">Height in pixels after resizing.</param>
/// <param name="Width">Width in pixels after resizing.</param>
/// <param name="OriginalHeight">Height in pixels before that.</param>
/// <param name="OriginalWidth">Width in pixels before that.</param>
public readonly record struct ImageGeometry(int Height, int Width, int OriginalHeight, int OriginalWidth)
{
    /// <summary>Creates the geometry of an image that is not resized.</summary>
    /// <param name="height">Height in pixels.</param>
    /// <param name="width">Width in pixels.</param>
    public ImageGeometry(int height, int width)
        : this(height, width, height, width)
    {
    }

    /// <summary>What x coordinates are multiplied by from the original to the resized image, in float32 as in MMCV.</summary>
    public float ScaleX => (float)((double)Width / OriginalWidth);

    /// <summary>What y coordinates are multiplied by from the original to the resized image, in float32 as in MMCV.</summary>
    public float ScaleY => (float)((double)Height / OriginalHeight);
}
