using IsVit.Model;
using IsVit.Model.Statistics;

namespace IsVit.Optimization.Drift;

/// <summary>How a site's activations on some images differ from those on the calibration images.</summary>
public sealed record SiteDrift
{
    /// <summary>The site.</summary>
    public required Site Site { get; init; }

    /// <summary>What its quantizer read on the calibration images.</summary>
    public required ActivationStatistics Calibration { get; init; }

    /// <summary>What it read on the images.</summary>
    public required ActivationStatistics Observed { get; init; }

    /// <summary>The total variation of the code shares: the share of elements, 0 to 1, that would have to get another code for both histograms to be equal.</summary>
    public required double Shift { get; init; }

    /// <summary>The largest shift that is taken for chance.</summary>
    public required double ShiftLimit { get; init; }

    /// <summary>The total variation of the shares below, within and above the quantizer's range, 0 to 1.</summary>
    public required double ClippedChange { get; init; }

    /// <summary>The largest change of them that is taken for chance.</summary>
    public required double ClippedLimit { get; init; }

    /// <summary>The larger of shift and change of the clipped shares, each as a multiple of its limit; above 1 the site has drifted.</summary>
    public double Excess => Math.Max(Shift / ShiftLimit, ClippedChange / ClippedLimit);

    /// <summary>Whether the site exceeds a limit.</summary>
    public bool HasDrifted => !(Excess <= 1);
}
