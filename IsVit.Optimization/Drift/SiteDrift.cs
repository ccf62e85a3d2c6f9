using IsVit.Model;
using IsVit.Model.Statistics;

namespace IsVit.Optimization.Drift;

/// <summary>How a site's activations on some images differ from those on the calibration images.</summary>
/// <param name="Site">The site.</param>
/// <param name="Calibration">What its quantizer read on the calibration images.</param>
/// <param name="Observed">What it read on the images.</param>
/// <param name="Shift">The total variation of the code shares: the share of elements, 0 to 1, that would have to get another code for both histograms to be equal.</param>
/// <param name="ShiftLimit">The largest shift that is taken for chance.</param>
/// <param name="ClippedChange">The total variation of the shares below, within and above the quantizer's range, 0 to 1.</param>
/// <param name="ClippedLimit">The largest change of them that is taken for chance.</param>
public sealed record SiteDrift(
    Site Site, ActivationStatistics Calibration, ActivationStatistics Observed, double Shift, double ShiftLimit, double ClippedChange, double ClippedLimit)
{
    /// <summary>The larger of shift and change of the clipped shares, each as a multiple of its limit; above 1 the site has drifted.</summary>
    public double Excess => Math.Max(Shift / ShiftLimit, ClippedChange / ClippedLimit);

    /// <summary>Whether the site exceeds a limit.</summary>
    public bool HasDrifted => !(Excess <= 1);
}
