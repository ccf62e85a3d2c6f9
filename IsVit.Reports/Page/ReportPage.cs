using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using IsVit.Reports.Contents;

namespace IsVit.Reports.Page;

/// <summary>A report as one page that needs no other file.</summary>
internal sealed partial class ReportPage
{
    private readonly StringBuilder _text = new();
    private int _figures;
    private readonly List<(string Id, string Title)> _parts = [];

    private ReportPage()
    {
    }

    /// <summary>Writes a page.</summary>
    /// <param name="report">What it shows; a part without numbers is left out.</param>
    public static string Write(ModelReport report)
    {
        var page = new ReportPage();
        page.Scores(report);
        page.Stages(report);
        page.Images(report);
        page.Units(report);
        page.Trainings(report);
        page.Sites(report);
        page.Latencies(report);
        page.Run(report);
        var title = Encode(report.Title);
        var links = string.Concat(page._parts.Select(static part => $"<a href=\"#{part.Id}\">{Encode(part.Title)}</a>"));
        return $"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title><style>\n{Style()}</style></head>\n<body><h1>{title}</h1><nav>{links}</nav>\n{page._text}</body></html>\n";
    }

    private static string Style()
    {
        using var reader = new StreamReader(typeof(ReportPage).Assembly.GetManifestResourceStream("report.css")!);
        return reader.ReadToEnd();
    }

    private void Scores(ModelReport report)
    {
        var tiles = report.Scores.Select(static score => (Number(score.QuantizedModel, "0.0##"), score.FloatModel is { } before ? $"{score.Name}; float {Number(before, "0.0##")}" : score.Name)).ToList();
        if (report.Sites.Count > 0)
        {
            tiles.Add((Number(report.Sites.Average(static site => site.Bits), "0.0#"), "bits of a site, the mean"));
            tiles.Add((Number(report.Sites.Count, "0"), "quantized sites"));
        }

        if (tiles.Count > 0)
        {
            Add("<div class=\"tiles\">").Add(string.Concat(tiles.Select(static tile => $"<div class=\"tile\"><b>{tile.Item1}</b><span>{Encode(tile.Item2)}</span></div>"))).Add("</div>\n");
        }
    }

    private void Stages(ModelReport report)
    {
        if (report.Stages.Count == 0)
        {
            return;
        }

        Begin("stages", "Stages", "What the model scores after each stage of the run, and how long the stage took.");
        var scored = report.Stages.Where(static stage => stage.Score is not null).ToList();
        if (scored.Count > 1)
        {
            Figure(Chart.Lines([(0, [.. scored.Select(static stage => stage.Score!.Value)])], logarithmic: false, [.. scored.Select(static stage => stage.Name)], width: 760));
        }

        Table(["stage", "seconds", "score"], report.Stages.Select(static stage => (object?[])[stage.Name, stage.Seconds, stage.Score]));
    }

    private void Images(ModelReport report)
    {
        if (report.Images.Count == 0)
        {
            return;
        }

        Begin("images", "Images", "Those first whose answer changed. The maps show what the class token attends to in the last block, the mean over heads: of the float model, and of the quantized one.");
        Add("<div class=\"grid\">");
        foreach (var image in report.Images)
        {
            var isChanged = !string.Equals(image.FloatClass, image.QuantizedClass, StringComparison.Ordinal);
            Add(isChanged ? "<figure class=\"changed\">" : "<figure>").Add("<div class=\"pictures\">");
            Picture(image.Picture, FormattableString.Invariant($"sample {image.Index}"));
            Picture(image.FloatAttention, "float");
            Picture(image.QuantizedAttention, "quantized");
            Add($"</div><figcaption>float {Encode(image.FloatClass)} {Number(image.FloatProbability, "0.00")}, quantized <b>{Encode(image.QuantizedClass)}</b> {Number(image.QuantizedProbability, "0.00")}</figcaption></figure>");
        }

        Add("</div>\n");
    }

    private void Units(ModelReport report)
    {
        if (report.Units.Count == 0)
        {
            return;
        }

        Begin("units", "Errors of units", "The squared error of each unit's output against the float model's, divided by the variance of the latter; everything before the unit is quantized as well.");
        Figure(Chart.Bars([.. report.Units.Select(static unit => (unit.Unit, unit.RelativeError))], logarithmic: true));
    }

    private void Trainings(ModelReport report)
    {
        if (report.Trainings.Count == 0)
        {
            return;
        }

        Begin("reconstruction", "Reconstruction", "The loss of each unit over its iterations, on the images of the iteration, in the stages that train it.");
        var stages = report.Trainings.Where(static training => training.Losses.Count > 1).Select(static training => training.Stage).Distinct(StringComparer.Ordinal).ToList();
        Add("<p>").Add(string.Join(" &nbsp; ", stages.Select(static (stage, i) => $"<span class=\"key\" style=\"background:{Chart.Color(i)}\"></span>{Encode(stage)}"))).Add("</p><div class=\"grid\">");
        foreach (var unit in report.Trainings.Where(static training => training.Losses.Count > 1).GroupBy(static training => training.Unit, StringComparer.Ordinal))
        {
            Figure(Chart.Lines([.. unit.Select(training => (stages.IndexOf(training.Stage), training.Losses))], logarithmic: unit.All(static training => training.Losses.All(static loss => loss > 0))), unit.Key);
        }

        Add("</div>");
        Fold("Losses on held-out images", () => Table(
            ["unit", "stage", "before", "after", "iterations", "seconds"],
            report.Trainings.Select(static training => (object?[])[training.Unit, training.Stage, training.LossBefore, training.LossAfter, training.Iterations, training.Seconds])));
    }

    private void Sites(ModelReport report)
    {
        if (report.Sites.Count == 0)
        {
            return;
        }

        Begin("sites", "Sites", "The numbers at each site, their counts on a logarithmic scale (blue), and where all of a site share them the levels that they are rounded to, as high as often they are used (orange).");
        foreach (var role in report.Sites.GroupBy(static site => site.Role, StringComparer.Ordinal))
        {
            Fold(FormattableString.Invariant($"{role.Key}: {role.Count()} sites"), () =>
            {
                Add("<div class=\"grid\">");
                foreach (var site in role)
                {
                    var parts = new List<string> { FormattableString.Invariant($"{site.Site}: {site.Scheme}, {site.Bits} bits, {site.Granularity}") };
                    if (site.RelativeError is { } error)
                    {
                        parts.Add($"error {Number(error, "0.0E+0")}");
                    }

                    if (site.ClippedShare is > 0 and var clipped)
                    {
                        parts.Add($"{Number(100 * clipped, "0.0##")} % clipped");
                    }

                    Figure(Chart.Histogram(site.Minimum, site.Maximum, site.Histogram, site.Levels, site.LevelShares), string.Join("; ", parts));
                }

                Add("</div>");
            }, isOpen: role.Key is "PostSoftmax" or "PostGelu");
        }

        Fold("All sites in a table", () => Table(
            ["site", "role", "scheme", "bits", "granularity", "smallest", "largest", "levels used", "clipped %", "relative error"],
            report.Sites.Select(static site => (object?[])[site.Site, site.Role, site.Scheme, site.Bits, site.Granularity, site.Minimum, site.Maximum, site.Levels.Count > 0 ? site.Levels.Count : null, 100 * site.ClippedShare, site.RelativeError])));
    }

    private void Latencies(ModelReport report)
    {
        if (report.Latencies.Count > 0)
        {
            Begin("latency", "Latency and size", "");
            Table(["format", "images at once", "ms", "MB"], report.Latencies.Select(static row => (object?[])[row.Format, row.BatchSize, row.Milliseconds, row.Bytes / 1e6]));
        }
    }

    private void Run(ModelReport report)
    {
        Begin("run", "The run", "");
        Table(["", ""], report.Run.Select(static fact => (object?[])[fact.Name, fact.Value]));
    }

    private void Begin(string id, string title, string text)
    {
        _parts.Add((id, title));
        Add($"<h2 id=\"{id}\">{Encode(title)}</h2>");
        if (text.Length > 0)
        {
            Add($"<p>{Encode(text)}</p>");
        }
    }

    // Names within pictures are names of the page.
    private void Figure(string picture, string? caption = null) => Add("<figure>").Add(Ids().Replace(picture, FormattableString.Invariant($"f{_figures++}-"))).Add(caption is null ? "" : $"<figcaption>{Encode(caption)}</figcaption>").Add("</figure>\n");

    private void Picture(byte[]? png, string caption)
    {
        if (png is not null)
        {
            Add($"<div><img alt=\"{Encode(caption)}\" src=\"data:image/png;base64,{Convert.ToBase64String(png)}\">{Encode(caption)}</div>");
        }
    }

    private void Fold(string summary, Action content, bool isOpen = false)
    {
        Add(isOpen ? "<details open>" : "<details>").Add($"<summary>{Encode(summary)}</summary>");
        content();
        Add("</details>\n");
    }

    private void Table(IReadOnlyList<string> headers, IEnumerable<object?[]> rows)
    {
        // A column that says nothing is left out.
        var all = rows.ToList();
        var shown = Enumerable.Range(0, headers.Count).Where(i => all.Exists(row => row[i] is not null)).ToList();
        headers = [.. shown.Select(i => headers[i])];
        all = [.. all.Select(row => shown.Select(i => row[i]).ToArray())];
        Add("<div class=\"scroll\"><table>");
        if (headers.Any(static header => header.Length > 0))
        {
            Add("<tr>").Add(string.Concat(headers.Select((header, i) => $"<th{(all.Exists(row => row[i] is int or double) ? " class=\"n\"" : "")}>{Encode(header)}</th>"))).Add("</tr>");
        }

        foreach (var row in all)
        {
            Add("<tr>").Add(string.Concat(row.Select(static cell => cell is int or double ? $"<td class=\"n\">{Number(Convert.ToDouble(cell, CultureInfo.InvariantCulture), "0.###")}</td>" : $"<td class=\"wrap\">{Encode(cell?.ToString() ?? "")}</td>"))).Add("</tr>");
        }

        Add("</table></div>\n");
    }

    private ReportPage Add(string text)
    {
        _text.Append(text);
        return this;
    }

    // What a fixed format would show as 0 is written with its power of ten.
    private static string Number(double? value, string format) => value is not { } number
        ? ""
        : (number != 0 && Math.Abs(number) is < 1e-3 or >= 1e7 ? number.ToString("0.0##E+0", CultureInfo.InvariantCulture) : number.ToString(format, CultureInfo.InvariantCulture));

    [GeneratedRegex("(?<=id=\"|url\\(#)(?=clipPath)", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Ids();

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
