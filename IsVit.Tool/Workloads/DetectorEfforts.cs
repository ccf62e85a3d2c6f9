using IsVit.Optimization.Options;

namespace IsVit.Tool.Workloads;

/// <summary>What efforts mean for detectors. Their images have twenty times a classifier's pixels or more, and each has hundreds of regions, so that a few dozens of them are enough: GLF-Q calibrates on 32.</summary>
internal static class DetectorEfforts
{
    private const int BatchSize = 1;

    /// <summary>The effort with a detector's numbers of images.</summary>
    /// <param name="effort">One of <see cref="QuantizationEfforts.All"/>.</param>
    public static QuantizationEffort Of(QuantizationEffort effort) => effort with
    {
        ImageCount = effort == QuantizationEfforts.Quick ? 8 : effort == QuantizationEfforts.Balanced ? 16 : 32,
        BatchSize = BatchSize,
    };
}
