using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>RoIAlign over a feature pyramid, each region of interest from the level that fits its size: MMDetection's <c>SingleRoIExtractor</c>. See <see cref="RoiAlign"/> and <see cref="RoiLevels"/>.</summary>
public static class PyramidRoiAlign
{
    /// <summary>Pools regions in one pass over all levels.</summary>
    /// <param name="features">Finest level first, each [batch, channels, height, width], floating point, of equal batch, channels, type and device.</param>
    /// <param name="rois">[n, 5], floating point: the image's index in the batch, then x1, y1, x2, y2 in the network input's pixels. n may be 0.</param>
    /// <param name="outputHeight">Rows of bins, 1 or more.</param>
    /// <param name="outputWidth">Columns of bins, 1 or more.</param>
    /// <param name="strides">Each level's pixels per cell.</param>
    /// <param name="samplingRatio">Samples on a side of a bin; 0 for as many as cells, rounded up.</param>
    /// <param name="finestScale">Below twice this side in pixels a region belongs to the first level.</param>
    /// <param name="aligned">See <see cref="RoiAlign.Apply"/>.</param>
    /// <returns>[n, channels, outputHeight, outputWidth] of the features' type, in the order of the regions.</returns>
    /// <exception cref="ArgumentException">There is no level, the numbers of levels and strides differ, or see <see cref="RoiAlign.Apply"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size or stride is below 1, the finest scale is not positive and finite, or the sampling ratio is negative.</exception>
    public static torch.Tensor Apply(
        IReadOnlyList<torch.Tensor> features, torch.Tensor rois, long outputHeight, long outputWidth, IReadOnlyList<int> strides, int samplingRatio = 0, double finestScale = 56, bool aligned = true)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(strides);
        if (features.Count == 0 || features.Count != strides.Count)
        {
            throw new ArgumentException(FormattableString.Invariant($"There are {features.Count} levels of features and {strides.Count} strides; expected one stride for each of 1 or more levels."), nameof(strides));
        }

        foreach (var stride in strides)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1, nameof(strides));
        }

        var pooling = RoiPooling.Create(outputHeight, outputWidth, samplingRatio, aligned);
        return pooling.Apply(features, rois, [.. strides.Select(static stride => 1.0 / stride)], (regions, _) =>
        {
            using var levels = RoiLevels.Of(regions, features.Count, finestScale);
            return Array.ConvertAll(Operands.ReadInt64(levels), static level => (int)level);
        });
    }
}
