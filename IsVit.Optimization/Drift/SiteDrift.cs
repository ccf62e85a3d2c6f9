using IsVit.Model;
using IsVit.Model.Statistics;

namespace IsVit.Optimization.Drift;

/// <summary>How a site's activations on some images differ from those on the calibration images.</summary>
public sealed record SiteDrift
{
    /// <summary>The site.</summary>
    public required Site Site { get; init; }

    /// <summary>The statistics of the quantizer's inputs on the calibration images.</summary>
    public required ActivationStatistics Calibration { get; init; }

    /// <summary>The statistics of the quantizer's inputs on the compared images.</summary>
    public required ActivationStatistics Observed { get; init; }

    /// <summary>The total variation distance of the two code histograms: the share of elements, 0 to 1, that would have to change their code for both histograms to be equal.</summary>
    public required double Shift { get; init; }

    /// <summary>The largest shift that is attributed to chance.</summary>
    public required double ShiftLimit { get; init; }

    /// <summary>The total variation distance of the shares below, within and above the quantizer's range, 0 to 1.</summary>
    public required double ClippedChange { get; init; }

    /// <summary>The largest change of these shares that is attributed to chance.</summary>
    public required double ClippedLimit { get; init; }

    /// <summary>The larger of the shift and the change of the clipped shares, each as a multiple of its limit; above 1 the site has drifted.</summary>
    public double Excess => Math.Max(Shift / ShiftLimit, ClippedChange / ClippedLimit);

    /// <summary>Whether the site exceeds a limit.</summary>
    public bool HasDrifted => !(Excess <= 1);
}
