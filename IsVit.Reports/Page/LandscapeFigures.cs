using IsVit.Reports.Contents;

namespace IsVit.Reports.Page;

/// <summary>Losses around weights as maps.</summary>
internal static class LandscapeFigures
{
    /// <summary>The smallest and the largest loss, for colours that mean the same in all maps.</summary>
    /// <param name="landscapes">What the maps are of.</param>
    public static (double Low, double High) Range(params IEnumerable<LossLandscape> landscapes) =>
        Range(landscapes.SelectMany(static landscape => landscape.Before.Concat(landscape.After)));

    /// <summary>Two maps beside each other: before stage 2 and after it.</summary>
    /// <param name="page">The page.</param>
    /// <param name="landscape">The losses.</param>
    /// <param name="range">The losses of the first and the last colour.</param>
    public static void Add(PageWriter page, LossLandscape landscape, (double Low, double High) range)
    {
        page.Add("<div class=\"grid pair\">");
        Show("before", landscape.Before, landscape.MiddleBefore);
        Show("after", landscape.After, landscape.MiddleAfter);
        page.Add("</div>\n");

        void Show(string when, IReadOnlyList<IReadOnlyList<double>> losses, double middle) =>
            page.Figure(Chart.HeatMap(landscape.Steps, losses, range.Low, range.High), $"{when} stage 2: {PageWriter.Number(middle, "0.####")} in the middle, {PageWriter.Number(LossLandscape.Mean(losses), "0.####")} on average");
    }

    /// <summary>Two maps: how many times as large the losses of one plane are as those of another, before stage 2 and after it.</summary>
    /// <param name="page">The page.</param>
    /// <param name="first">The losses that are divided by.</param>
    /// <param name="second">The others, at the same points.</param>
    public static void AddRatio(PageWriter page, LossLandscape first, LossLandscape second)
    {
        var (before, after) = (Ratio(first.Before, second.Before), Ratio(first.After, second.After));
        var (low, high) = Range(before.Concat(after));
        page.Add("<div class=\"grid pair\">");
        page.Figure(Chart.HeatMap(first.Steps, before, low, high), "before stage 2: the second's loss divided by the first's");
        page.Figure(Chart.HeatMap(first.Steps, after, low, high), "after stage 2: the second's loss divided by the first's");
        page.Add("</div>\n");
    }

    private static List<IReadOnlyList<double>> Ratio(IReadOnlyList<IReadOnlyList<double>> first, IReadOnlyList<IReadOnlyList<double>> second) =>
        [.. first.Zip(second, static (a, b) => (IReadOnlyList<double>)[.. a.Zip(b, static (left, right) => right / left)])];

    private static (double Low, double High) Range(IEnumerable<IReadOnlyList<double>> rows)
    {
        var all = rows.SelectMany(static row => row).Where(static loss => double.IsFinite(loss) && loss > 0).DefaultIfEmpty(1).ToList();
        return (all.Min(), all.Max());
    }
}
