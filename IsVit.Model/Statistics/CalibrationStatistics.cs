namespace IsVit.Model.Statistics;

/// <summary>What the activation quantizers of a finished model read on its calibration images: what later images are compared with.</summary>
/// <param name="ImageCount">From how many calibration images it was taken.</param>
/// <param name="Sites">The quantized activation sites, in the order in which the model runs.</param>
public sealed record CalibrationStatistics(int ImageCount, IReadOnlyList<SiteStatistics> Sites)
{
    /// <summary>The fewest images that a comparison takes. Means of fewer differ so much from each other that only the grossest shift would show.</summary>
    public const int MinimumImageCount = 8;

    /// <summary>The fewest calibration images that statistics are taken from: two samples to compare.</summary>
    public const int MinimumCalibrationImageCount = 2 * MinimumImageCount;
}
