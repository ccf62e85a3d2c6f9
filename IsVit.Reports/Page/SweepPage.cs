using IsVit.Reports.Contents;

namespace IsVit.Reports.Page;

/// <summary>A sweep as one page that needs no other file.</summary>
internal static class SweepPage
{
    private const double BytesPerMegabyte = 1e6;

    /// <summary>Writes a page.</summary>
    /// <param name="report">What it shows.</param>
    public static string Write(SweepReport report)
    {
        var page = new PageWriter();
        var methods = report.Rows.Select(static row => row.Method).Distinct(StringComparer.Ordinal).ToList();
        var scored = report.Rows.Where(static row => row.Score is not null).ToList();
        if (scored.Count > 0)
        {
            page.Add($"<p>{string.Join(" &nbsp; ", methods.Select((method, i) => $"<span class=\"key\" style=\"background:{Chart.Color(i)}\"></span>{PageWriter.Encode(method)}"))}</p>");
            Front(page, report, methods, "size", "Score and size", "Megabytes of the quantized model's file. The line joins the runs that no other beats in both.", "MB", [.. scored.Where(static row => row.ModelBytes is not null).Select(static row => (row, row.ModelBytes!.Value / BytesPerMegabyte))]);
            Front(page, report, methods, "time", "Score and time", "Seconds of the run on its worker.", "s", [.. scored.Where(static row => row.Seconds is not null).Select(static row => (row, row.Seconds!.Value))]);
        }

        page.Begin("runs", "Runs", "");
        page.Table(
            ["run", "model", "method", "weights", "activations", "seed", report.ScoreName, $"float {report.ScoreName}", "logits MSE", "MB", "float MB", "s", "worker", "tries"],
            report.Rows.Where(static row => row.Error is null).Select(static row => (object?[])
            [
                row.Name, row.Model, row.Method, row.WeightBits, row.ActivationBits, row.Seed, row.Score, row.FloatScore, row.LogitsMse, row.ModelBytes / BytesPerMegabyte, row.FloatBytes / BytesPerMegabyte, row.Seconds, row.Worker, row.Tries,
            ]));
        if (report.Rows.Any(static row => row.Error is not null))
        {
            page.Begin("failed", "Runs without a result", "");
            page.Table(["run", "tries", "error"], report.Rows.Where(static row => row.Error is not null).Select(static row => (object?[])[row.Name, row.Tries, row.Error]));
        }

        if (report.Run.Count > 0)
        {
            page.Begin("run", "The sweep", "");
            page.Table(["", ""], report.Run.Select(static fact => (object?[])[fact.Name, fact.Value]));
        }

        return page.ToPage(report.Title);
    }

    /// <summary>Those that no other is at least as good as in both respects, in the order of their costs.</summary>
    /// <param name="points">Costs, of which less is better, and scores, of which more is.</param>
    public static IReadOnlyList<(double Cost, double Score)> Pareto(IEnumerable<(double Cost, double Score)> points)
    {
        var front = new List<(double Cost, double Score)>();
        foreach (var point in points.OrderBy(static point => point.Cost).ThenByDescending(static point => point.Score))
        {
            if (front.Count == 0 || point.Score > front[^1].Score)
            {
                front.Add(point);
            }
        }

        return front;
    }

    private static void Front(PageWriter page, SweepReport report, List<string> methods, string id, string title, string text, string unit, IReadOnlyList<(SweepRow Row, double Cost)> runs)
    {
        if (runs.Count == 0)
        {
            return;
        }

        page.Begin(id, title, text);
        page.Figure(
            Chart.Points(
                [.. methods.Select((method, i) => (i, (IReadOnlyList<(double, double, string)>)[.. runs.Where(run => run.Row.Method == method).Select(static run => (run.Cost, run.Row.Score!.Value, run.Row.Name))]))],
                Pareto(runs.Select(static run => (run.Cost, run.Row.Score!.Value))),
                unit,
                report.ScoreName));
    }
}
