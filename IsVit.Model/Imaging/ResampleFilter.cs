namespace IsVit.Model.Imaging;

/// <summary>The kernel by which a resized pixel is a weighted mean of its neighbours. Both are widened when shrinking (antialiasing).</summary>
public enum ResampleFilter
{
    /// <summary>The cubic convolution kernel with a = -0.5, two pixels to each side.</summary>
    Bicubic,

    /// <summary>The triangle kernel, one pixel to each side.</summary>
    Bilinear,
}
