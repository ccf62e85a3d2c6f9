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
            var both = comparison.Units.Where(static unit => unit.Distance > 0 || unit.First == unit.Second).ToList();
            if (both.Count > 1)
            {
                page.Figure(Chart.Lines([(0, [.. both.Select(static unit => unit.First ?? double.NaN)]), (1, [.. both.Select(static unit => unit.Second ?? double.NaN)])], logarithmic: both.All(static unit => unit is { First: > 0, Second: > 0 }), [.. both.Select(static unit => unit.Name)], width: Chart.WideWidth));
            }

            Table(page, "unit", comparison.Units);
        }

        Numbers(page, "sites", "Errors of sites", "The squared error of rounding, divided by the numbers' mean square; those first that differ by the largest factor.", "site", comparison.Sites);
        Numbers(page, "stages", "Stages", "Seconds.", "stage", comparison.Stages);
        if (comparison.Differences.Count > 0)
        {
            page.Begin("differences", "What differs", "");
            page.Table(["", "first", "second"], comparison.Differences.Select(static text => (object?[])[text.Name, text.First ?? "", text.Second ?? ""]));
        }

        return page.ToPage($"{comparison.First} and {comparison.Second}");
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
