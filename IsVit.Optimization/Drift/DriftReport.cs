namespace IsVit.Optimization.Drift;

/// <summary>How a quantized model's activations on some images differ from those on its calibration images.</summary>
/// <param name="ImageCount">How many images were compared.</param>
/// <param name="CalibrationImageCount">With how many calibration images.</param>
/// <param name="Sites">Every quantized activation site, the largest <see cref="SiteDrift.Excess"/> first.</param>
public sealed record DriftReport(int ImageCount, int CalibrationImageCount, IReadOnlyList<SiteDrift> Sites)
{
    /// <summary>The sites that exceed a limit, the worst first.</summary>
    public IEnumerable<SiteDrift> DriftedSites => Sites.Where(static site => site.HasDrifted);

    /// <summary>Whether any site does: the images are unlike those that the model was calibrated on.</summary>
    public bool HasDrifted => DriftedSites.Any();
}
