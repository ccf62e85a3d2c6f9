namespace IsVit.Model.Statistics;

/// <summary>Statistics of the inputs of a finished model's activation quantizers on its calibration images, with which later images are compared.</summary>
/// <param name="ImageCount">The number of calibration images that they were taken from.</param>
/// <param name="Sites">The quantized activation sites, in execution order.</param>
public sealed record CalibrationStatistics(int ImageCount, IReadOnlyList<SiteStatistics> Sites)
{
    /// <summary>The smallest number of images for a comparison. Means over fewer images vary so much that only the largest shifts would be detected.</summary>
    public const int MinimumImageCount = 8;

    /// <summary>The smallest number of calibration images that statistics are taken from: two samples to compare.</summary>
    public const int MinimumCalibrationImageCount = 2 * MinimumImageCount;
}
