using IsVit.Optimization.MixedPrecision;
using IsVit.Reports.Contents;

namespace IsVit.Reports.Measuring;

/// <summary>Sensitivities in the form of a report.</summary>
internal static class SensitivityRows
{
    /// <summary>Takes over what a report shows.</summary>
    /// <param name="report">What was measured or estimated.</param>
    public static ReportedSensitivity Of(SensitivityReport report) => new()
    {
        Recipe = report.Recipe,
        Method = report.Method == SensitivityMethod.Measured ? "measured" : "estimated",
        Metric = report.Metric.ToString(),
        ImageCount = report.ImageCount,
        Sites =
        [
            .. report.Sites.Select(static site => new SiteDivergence
            {
                Site = site.Site.Id,
                Unit = site.Unit,
                Role = site.Site.Role.ToString(),
                Scheme = site.Spec.Scheme,
                Bits = site.Spec.Bits.Bits,
                Elements = site.Elements,
                Widths = [.. site.Widths.Select(static width => new BitsDivergence(width.Bits, width.Divergence, width.Measured is not null))],
            }),
        ],
    };
}
