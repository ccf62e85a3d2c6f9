using System.Globalization;
using IsVit.Optimization.Drift;
using IsVit.Tool.Terminal;
using Spectre.Console;

namespace IsVit.Tool.Reporting;

/// <summary>How far images are from those that a model was calibrated on, for people.</summary>
internal static class DriftLines
{
    private const int SitesNamed = 3;

    /// <summary>Writes every site, the worst first, and the verdict.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="report">What was measured.</param>
    public static void Write(ToolConsole console, DriftReport report)
    {
        var table = new ToolTable("site", "shift %", "limit", "clipped %", "was", "limit of change", "mean", "was", "deviation", "was", "times limit");
        foreach (var site in report.Sites)
        {
            table.AddRow(
                site.Site.Id,
                Percent(site.Shift),
                Percent(site.ShiftLimit),
                Percent(site.Observed.ClippedLow + site.Observed.ClippedHigh),
                Percent(site.Calibration.ClippedLow + site.Calibration.ClippedHigh),
                Percent(site.ClippedLimit),
                ReportTable.Figure(site.Observed.Mean, "G3"),
                ReportTable.Figure(site.Calibration.Mean, "G3"),
                ReportTable.Figure(site.Observed.StandardDeviation, "G3"),
                ReportTable.Figure(site.Calibration.StandardDeviation, "G3"),
                ReportTable.Figure(site.Excess, "F2"));
        }

        table.Write(console.Ansi);
        var drifted = report.DriftedSites.Count();
        console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{(drifted > 0 ? "drifted" : "not drifted")}: {drifted} of {report.Sites.Count} sites exceed a limit; {report.ImageCount} images, {report.CalibrationImageCount} calibration images"));
    }

    /// <summary>Writes one line to standard error if the images have drifted.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="report">What was measured.</param>
    public static void Warn(ToolConsole console, DriftReport report)
    {
        var drifted = report.DriftedSites.ToList();
        if (drifted.Count > 0)
        {
            var worst = drifted.Take(SitesNamed).Select(static site => string.Create(CultureInfo.InvariantCulture, $"{site.Site.Id} ({site.Excess:F1} times its limit)"));
            console.Warn($"the images are unlike the calibration images, at {drifted.Count} of {report.Sites.Count} sites: {string.Join(", ", worst)}; 'isvit drift' shows all.");
        }
    }

    private static string Percent(double share) => ReportTable.Figure(100 * share, "F2");
}
