using IsVit.Reports.Contents;

namespace IsVit.Reports.Page;

/// <summary>Two reports side by side, as one page that needs no other file.</summary>
internal static class ComparisonPage
{
    /// <summary>Writes a page.</summary>
    /// <param name="comparison">What it shows; a part without numbers is left out.</param>
    public static string Write(ReportComparison comparison)
    {
        var page = new PageWriter();
        page.Add($"<p>{Key(0)}{PageWriter.Encode(comparison.First)} &nbsp; {Key(1)}{PageWriter.Encode(comparison.Second)}</p>");
        Numbers(page, "scores", "Scores", "", "", comparison.Scores);
        if (comparison.Units.Count > 0)
        {
            page.Begin("units", "Errors of units", "The squared error of each unit's output against the float model's, divided by the variance of the latter.");
            Lines(page, comparison.Units);
            Table(page, "unit", comparison.Units);
        }

        Landscape(page, comparison);
        Sensitivity(page, comparison);

        Numbers(page, "sites", "Errors of sites", "The squared error of rounding, divided by the numbers' mean square; those first that differ by the largest factor.", "site", comparison.Sites);
        Numbers(page, "stages", "Stages", "Seconds.", "stage", comparison.Stages);
        if (comparison.Latencies.Count > 0)
        {
            page.Begin("latency", "Latency and size", "Milliseconds, and the files' megabytes.");
            Lines(page, comparison.Latencies);
            Table(page, "ms", comparison.Latencies);
            Table(page, "MB", [.. comparison.FileBytes.Select(static format => new ComparedNumber(format.Name, format.First / 1e6, format.Second / 1e6))]);
        }

        if (comparison.Differences.Count > 0)
        {
            page.Begin("differences", "What differs", "");
            page.Table(["", "first", "second"], comparison.Differences.Select(static text => (object?[])[text.Name, text.First ?? "", text.Second ?? ""]));
        }

        return page.ToPage($"{comparison.First} and {comparison.Second}");
    }

    private static void Landscape(PageWriter page, ReportComparison comparison)
    {
        var (first, second) = (comparison.FirstLandscape, comparison.SecondLandscape);
        if (first is null && second is null)
        {
            return;
        }

        var isOfOneUnit = first is not null && second is not null && first.Unit == second.Unit;
        page.Begin(
            "landscape",
            "Loss around the weights",
            "The loss of a unit while its weights are moved along two random directions, in parts of the weights' own size, before and after stage 2." + (isOfOneUnit ? " Colours are the same in all maps of losses." : ""));
        foreach (var (plane, number) in (IEnumerable<(LossLandscape?, int)>)[(first, 0), (second, 1)])
        {
            if (plane is not null)
            {
                page.Add($"<p>{Key(number)}{PageWriter.Encode(plane.Unit)}</p>");
                LandscapeFigures.Add(page, plane, isOfOneUnit ? LandscapeFigures.Range(first!, second!) : LandscapeFigures.Range(plane));
            }
        }

        if (isOfOneUnit && first!.Steps.SequenceEqual(second!.Steps))
        {
            LandscapeFigures.AddRatio(page, first, second);
        }

        if (comparison.Landscape.Count > 0)
        {
            Table(page, "loss", comparison.Landscape);
        }
    }

    private static void Sensitivity(PageWriter page, ReportComparison comparison)
    {
        if (comparison.SiteSensitivities.Count == 0)
        {
            return;
        }

        page.Begin("sensitivity", "Sensitivity", "How far the outputs move from the float model's if one site alone is quantized: the sum over each unit's sites with the bits that the options give them, and sites with each number of bits, those first that differ by the largest factor.");
        Lines(page, comparison.UnitSensitivities);
        if (comparison.UnitSensitivities.Count > 0)
        {
            Table(page, "unit", comparison.UnitSensitivities);
        }

        page.Fold("All sites in a table", () => Table(page, "site", comparison.SiteSensitivities));
    }

    // Of what both have; a line needs two points.
    private static void Lines(PageWriter page, IReadOnlyList<ComparedNumber> numbers)
    {
        var both = numbers.Where(static number => number.Distance > 0 || number.First == number.Second).ToList();
        if (both.Count > 1)
        {
            page.Figure(Chart.Lines([(0, [.. both.Select(static number => number.First ?? double.NaN)]), (1, [.. both.Select(static number => number.Second ?? double.NaN)])], logarithmic: both.All(static number => number is { First: > 0, Second: > 0 }), [.. both.Select(static number => number.Name)], width: Chart.WideWidth));
        }
    }

    private static void Numbers(PageWriter page, string id, string title, string text, string what, IReadOnlyList<ComparedNumber> numbers)
    {
        if (numbers.Count > 0)
        {
            page.Begin(id, title, text);
            Table(page, what, numbers);
        }
    }

    private static void Table(PageWriter page, string what, IReadOnlyList<ComparedNumber> numbers) => page.Table(
        [what, "first", "second", "difference", "ratio"],
        numbers.Select(static number => (object?[])[number.Name, number.First, number.Second, number.Difference, number.Ratio]));

    private static string Key(int number) => $"<span class=\"key\" style=\"background:{Chart.Color(number)}\"></span>";
}
