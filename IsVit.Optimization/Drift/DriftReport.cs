namespace IsVit.Optimization.Drift;

/// <summary>How a quantized model's activations on some images differ from those on its calibration images.</summary>
/// <param name="ImageCount">How many images were compared.</param>
/// <param name="CalibrationImageCount">How many calibration images they were compared with.</param>
/// <param name="Sites">Every quantized activation site, the largest <see cref="SiteDrift.Excess"/> first.</param>
public sealed record DriftReport(int ImageCount, int CalibrationImageCount, IReadOnlyList<SiteDrift> Sites)
{
    /// <summary>The sites that exceed a limit, largest excess first.</summary>
    public IEnumerable<SiteDrift> DriftedSites => Sites.Where(static site => site.HasDrifted);

    /// <summary>Whether any site exceeds a limit: the images are unlike those that the model was calibrated on.</summary>
    public bool HasDrifted => DriftedSites.Any();
}
