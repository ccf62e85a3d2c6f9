using System.Globalization;
using IsVit.Optimization.MixedPrecision;
using Spectre.Console;

namespace IsVit.Tool.Reporting;

/// <summary>A sensitivity report for people.</summary>
internal static class SensitivityTable
{
    private const int BarLength = 30;

    /// <summary>Writes the sites, those first whose quantization with their options' bits changes the outputs most, each with a bar on a logarithmic scale.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="report">The report.</param>
    public static void Write(IAnsiConsole console, SensitivityReport report)
    {
        int[] widths = [.. report.Sites.SelectMany(static site => site.Widths).Select(static width => width.Bits).Distinct().Order()];
        var table = new ToolTable(["site", "role", "numbers", .. widths.Select(static bits => string.Create(CultureInfo.InvariantCulture, $"{bits} bits")), "divergence with the options' bits"]);
        var ranked = report.Sites.OrderByDescending(static site => Divergence(site)).ToList();
        var (least, most) = (ranked.Count > 0 ? Divergence(ranked[^1]) : 0, ranked.Count > 0 ? Divergence(ranked[0]) : 0);
        foreach (var site in ranked)
        {
            table.AddRow(
            [
                site.Site.Id,
                site.Site.Role.ToString(),
                site.Elements.ToString(CultureInfo.InvariantCulture),
                .. widths.Select(bits => ReportTable.Figure(site.Widths.FirstOrDefault(width => width.Bits == bits)?.Divergence, "0.0E+0")),
                Bar(Divergence(site), least, most),
            ]);
        }

        table.Write(console);
    }

    /// <summary>What the report is of, in one line.</summary>
    /// <param name="report">The report.</param>
    public static string Summary(SensitivityReport report)
    {
        var how = report.Method == SensitivityMethod.Measured ? "measured" : "estimated";
        var agreement = report.RankCorrelation is { } correlation ? string.Create(CultureInfo.InvariantCulture, $"; estimates rank as measurements do with a correlation of {correlation:F3}") : "";
        return string.Create(CultureInfo.InvariantCulture, $"sensitivity of {report.Sites.Count} sites, {how} on {report.ImageCount} images in {report.Duration.TotalSeconds:F1} s{agreement}");
    }

    /// <summary>A bar of one to thirty signs, by the logarithm of a number between the least and the most.</summary>
    /// <param name="value">The number.</param>
    /// <param name="least">The number of the shortest bar.</param>
    /// <param name="most">The number of the longest.</param>
    public static string Bar(double value, double least, double most)
    {
        // Nothing has no logarithm; what is a billion times smaller than the most is as good as nothing.
        var floor = Math.Max(least, most * 1e-9);
        var share = value <= floor || most <= floor ? (most <= floor && most > 0 ? 1 : 0) : Math.Log(value / floor) / Math.Log(most / floor);
        return new string('#', 1 + (int)Math.Round(share * (BarLength - 1)));
    }

    private static double Divergence(SiteSensitivity site) => site.At(site.Spec.Bits.Bits).Divergence;
}
