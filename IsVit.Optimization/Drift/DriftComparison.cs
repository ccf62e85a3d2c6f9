using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Model.Statistics;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using Microsoft.Extensions.Logging;

namespace IsVit.Optimization.Drift;

/// <summary>Compares what quantizers read on some images with the calibration statistics.</summary>
internal static class DriftComparison
{
    // Chance grows smaller with more images, what harms a model does not.
    private const int MostImagesThatCount = 64;

    // Splits show what chance does in a few hundred samples, and new images were not calibrated on.
    private const double Margin = 1.5;
    private const double LeastShift = 0.01;
    private const double LeastClippedChange = 0.002;
    private const int SitesNamed = 3;

    public static DriftReport Run(GraphAttachment attachment, CalibrationStatistics? statistics, SampleBatch images, ILogger logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (statistics is null)
        {
            throw new QuantizationException(
                $"The model has no calibration statistics to compare with: it quantizes no activations, had fewer than {CalibrationStatistics.MinimumCalibrationImageCount} calibration images, or comes from a file without them. Quantize it anew.");
        }

        if (images[0].dim() < 2 || images.Count < CalibrationStatistics.MinimumImageCount)
        {
            throw new QuantizationException(
                $"The images have shape [{string.Join(", ", images[0].shape)}]; expected [images, ...] with at least {CalibrationStatistics.MinimumImageCount} images, as fewer differ too much from each other.");
        }

        CalibrationBatches.RequireFinite([images], "Image");
        var observed = StatisticsRun.Read(attachment, images, cancellationToken);
        var count = (int)images.Count;
        var spread = Margin * SamplingNoise.Spread(Math.Min(count, MostImagesThatCount), statistics.ImageCount);
        var sites = statistics.Sites.Where(site => observed.ContainsKey(site.Site.Id)).Select(site => Compare(site, observed[site.Site.Id], spread)).OrderByDescending(static site => site.Excess);
        var report = new DriftReport(count, statistics.ImageCount, [.. sites]);
        if (report.HasDrifted)
        {
            var drifted = report.DriftedSites.ToList();
            Log.ImagesDrifted(logger, count, drifted.Count, report.Sites.Count, string.Join(", ", drifted.Take(SitesNamed).Select(static site => site.Site.Id)));
        }

        return report;
    }

    private static SiteDrift Compare(SiteStatistics site, ActivationStatistics observed, double spread) => new()
    {
        Site = site.Site,
        Calibration = site.Activations,
        Observed = observed,
        Shift = TotalVariation.Of(site.Activations.CodeShares, observed.CodeShares),
        ShiftLimit = Math.Max(LeastShift, site.ShiftNoise * spread),
        ClippedChange = TotalVariation.Of(ClippedShares(site.Activations), ClippedShares(observed)),
        ClippedLimit = Math.Max(LeastClippedChange, site.ClippedNoise * spread),
    };

    private static double[] ClippedShares(ActivationStatistics statistics) => [statistics.ClippedLow, 1 - statistics.ClippedLow - statistics.ClippedHigh, statistics.ClippedHigh];
}
