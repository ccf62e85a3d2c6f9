namespace IsVit.Model.Imaging;

/// <summary>The kernel that a resized pixel is the weighted mean of its neighbours by. Both are widened when shrinking (antialiasing).</summary>
public enum ResampleFilter
{
    /// <summary>The cubic convolution kernel with a = -0.5, two pixels to each side.</summary>
    Bicubic,

    /// <summary>The triangle kernel, one pixel to each side.</summary>
    Bilinear,
}
