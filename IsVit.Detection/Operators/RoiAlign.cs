using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>
/// RoIAlign with average pooling (He et al., arXiv 1703.06870, section 3), with MMCV's numbers: each bin of a region of interest is the mean of bilinear samples at regular positions within it. Samples
/// farther than one cell outside the map count as 0.
/// </summary>
/// <remarks>
/// Differentiable by the features; the regions get no gradient. Float32, float16 and bfloat16 on the CPU take one fused pass whose bits do not depend on the number of threads; float64 and
/// other devices take separate tensor operations, and there the regions are copied to the CPU once. The features must be finite: what is not spreads over the regions that hold it.
/// </remarks>
public static class RoiAlign
{
    /// <summary>Pools regions of a feature map.</summary>
    /// <param name="features">[batch, channels, height, width], floating point; a view that is not contiguous is copied.</param>
    /// <param name="rois">[n, 5], floating point: the image's index in the batch, then x1, y1, x2, y2 in the network input's pixels. n may be 0.</param>
    /// <param name="outputHeight">Rows of bins, 1 or more.</param>
    /// <param name="outputWidth">Columns of bins, 1 or more.</param>
    /// <param name="scale">Cells of the map per pixel: 1 / stride.</param>
    /// <param name="samplingRatio">Samples on a side of a bin; 0 for as many as cells, rounded up.</param>
    /// <param name="aligned">Whether pixel centres, rather than corners, have integer coordinates: corrects by half a cell. Without, a region has at least one cell on a side.</param>
    /// <returns>[n, channels, outputHeight, outputWidth] of the features' type.</returns>
    /// <exception cref="ArgumentException">
    /// A tensor is of another type, shape or device, or a region has an image outside the batch, a coordinate that is not finite, more than 65,536 cells on a side, or, if
    /// <paramref name="aligned"/>, its second corner before the first.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, the scale is not positive and finite, or the sampling ratio is negative.</exception>
    public static torch.Tensor Apply(torch.Tensor features, torch.Tensor rois, long outputHeight, long outputWidth, double scale, int samplingRatio = 0, bool aligned = true)
    {
        if (!(scale > 0 && double.IsFinite(scale)))
        {
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "The scale is positive and finite.");
        }

        ArgumentNullException.ThrowIfNull(features);
        var pooling = RoiPooling.Create(outputHeight, outputWidth, samplingRatio, aligned);
        return pooling.Apply([features], rois, [scale], static (_, table) => new int[table.Count]);
    }
}
