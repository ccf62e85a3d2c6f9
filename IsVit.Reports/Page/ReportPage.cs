using IsVit.Optimization.Options;
using IsVit.Reports.Contents;

namespace IsVit.Reports.Page;

/// <summary>A report as one page that needs no other file.</summary>
internal sealed class ReportPage
{
    // Of sites; the table has all.
    private const int MostBars = 24;

    private readonly PageWriter _page = new();

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
        page.Landscape(report);
        page.Sensitivity(report);
        page.Sites(report);
        page.Latencies(report);
        page.Run(report);
        return page._page.ToPage(report.Title);
    }

    private void Scores(ModelReport report)
    {
        var tiles = report.Scores.Select(static score => (PageWriter.Number(score.QuantizedModel, "0.0##"), score.FloatModel is { } before ? $"{score.Name}; float {PageWriter.Number(before, "0.0##")}" : score.Name)).ToList();
        if (report.Sites.Count > 0)
        {
            tiles.Add((PageWriter.Number(report.Sites.Average(static site => site.Bits), "0.0#"), "bits of a site, the mean"));
            tiles.Add((PageWriter.Number(report.Sites.Count, "0"), "quantized sites"));
        }

        if (tiles.Count > 0)
        {
            _page.Add("<div class=\"tiles\">").Add(string.Concat(tiles.Select(static tile => $"<div class=\"tile\"><b>{tile.Item1}</b><span>{PageWriter.Encode(tile.Item2)}</span></div>"))).Add("</div>\n");
        }
    }

    private void Stages(ModelReport report)
    {
        if (report.Stages.Count == 0)
        {
            return;
        }

        _page.Begin("stages", "Stages", "What the model scores after each stage of the run, and how long the stage took.");
        var scored = report.Stages.Where(static stage => stage.Score is not null).ToList();
        if (scored.Count > 1)
        {
            _page.Figure(Chart.Lines([(0, [.. scored.Select(static stage => stage.Score!.Value)])], logarithmic: false, [.. scored.Select(static stage => stage.Name)], width: Chart.WideWidth));
        }

        _page.Table(["stage", "seconds", "score"], report.Stages.Select(static stage => (object?[])[stage.Name, stage.Seconds, stage.Score]));
    }

    private void Images(ModelReport report)
    {
        if (report.Images.Count == 0)
        {
            return;
        }

        _page.Begin("images", "Images", "Those first whose answer changed. The maps show what the class token attends to in the last block, the mean over heads: of the float model, and of the quantized one.");
        _page.Add("<div class=\"grid\">");
        foreach (var image in report.Images)
        {
            var isChanged = !string.Equals(image.FloatClass, image.QuantizedClass, StringComparison.Ordinal);
            _page.Add(isChanged ? "<figure class=\"changed\">" : "<figure>").Add("<div class=\"pictures\">");
            _page.Picture(image.Picture, FormattableString.Invariant($"sample {image.Index}"));
            _page.Picture(image.FloatAttention, "float");
            _page.Picture(image.QuantizedAttention, "quantized");
            _page.Add($"</div><figcaption>float {PageWriter.Encode(image.FloatClass)} {PageWriter.Number(image.FloatProbability, "0.00")}, quantized <b>{PageWriter.Encode(image.QuantizedClass)}</b> {PageWriter.Number(image.QuantizedProbability, "0.00")}</figcaption></figure>");
        }

        _page.Add("</div>\n");
    }

    private void Units(ModelReport report)
    {
        if (report.Units.Count == 0)
        {
            return;
        }

        _page.Begin("units", "Errors of units", "The squared error of each unit's output against the float model's, divided by the variance of the latter; everything before the unit is quantized as well.");
        _page.Figure(Chart.Bars([.. report.Units.Select(static unit => (unit.Unit, unit.RelativeError))], logarithmic: true));
    }

    private void Trainings(ModelReport report)
    {
        if (report.Trainings.Count == 0)
        {
            return;
        }

        _page.Begin("reconstruction", "Reconstruction", "The loss of each unit over its iterations, on the images of the iteration, in the stages that train it.");
        var stages = report.Trainings.Where(static training => training.Losses.Count > 1).Select(static training => training.Stage).Distinct(StringComparer.Ordinal).ToList();
        _page.Add("<p>").Add(string.Join(" &nbsp; ", stages.Select(static (stage, i) => $"<span class=\"key\" style=\"background:{Chart.Color(i)}\"></span>{PageWriter.Encode(stage)}"))).Add("</p><div class=\"grid\">");
        foreach (var unit in report.Trainings.Where(static training => training.Losses.Count > 1).GroupBy(static training => training.Unit, StringComparer.Ordinal))
        {
            _page.Figure(Chart.Lines([.. unit.Select(training => (stages.IndexOf(training.Stage), training.Losses))], logarithmic: unit.All(static training => training.Losses.All(static loss => loss > 0))), unit.Key);
        }

        _page.Add("</div>");
        _page.Fold("Losses on held-out images", () => _page.Table(
            ["unit", "stage", "before", "after", "iterations", "seconds"],
            report.Trainings.Select(static training => (object?[])[training.Unit, training.Stage, training.LossBefore, training.LossAfter, training.Iterations, training.Seconds])));
    }

    private void Landscape(ModelReport report)
    {
        if (report.Landscape is not { } landscape)
        {
            return;
        }

        _page.Begin(
            "landscape",
            "Loss around the weights",
            FormattableString.Invariant($"The loss of {landscape.Unit} while its weights are moved along two random directions, in parts of the weights' own size, before and after stage 2, which gives the channels behind a LayerNorm one scale and lets the weights that read them make up for it. Colours and random numbers are the same in both; each direction is as large as the weights of each output channel (filter normalization). The loss is the unit's relative output error on {landscape.SampleCount} {(landscape.SampleCount == 1 ? "image" : "images")}, with weights in float."));
        LandscapeFigures.Add(_page, landscape, LandscapeFigures.Range(landscape));
    }

    private void Sensitivity(ModelReport report)
    {
        if (report.Sensitivity is not { Sites.Count: > 0 } sensitivity)
        {
            return;
        }

        _page.Begin(
            "sensitivity",
            "Sensitivity",
            FormattableString.Invariant($"How far the outputs move from the float model's if one site alone is quantized, with the bits that the options give it: {(sensitivity.Metric == nameof(OutputMetric.Values) ? "the squared change" : "the divergence of class probabilities, or as the model declares")}, {sensitivity.Method} on {sensitivity.ImageCount} images with the quantizers of '{sensitivity.Recipe}'."));
        var units = sensitivity.Units.Where(static unit => unit.Divergence > 0).ToList();
        if (units.Count > 1)
        {
            _page.Figure(Chart.Bars([.. units.Select(static unit => (unit.Unit, unit.Divergence))], logarithmic: true), "the sum over each unit's sites, in the order in which they run");
        }

        var ranked = sensitivity.Sites.OrderByDescending(static site => site.Divergence).ToList();
        var shown = ranked.Take(MostBars).Where(static site => site.Divergence > 0).ToList();
        if (shown.Count > 0)
        {
            _page.Figure(Chart.Bars([.. shown.Select(static site => (site.Site, site.Divergence))], logarithmic: true), shown.Count < ranked.Count ? FormattableString.Invariant($"the {shown.Count} of {ranked.Count} sites that move them most") : "all sites");
        }

        int[] widths = [.. sensitivity.Sites.SelectMany(static site => site.Widths).Select(static width => width.Bits).Distinct().Order()];
        _page.Fold("All sites in a table", () => _page.Table(
            ["site", "unit", "role", "scheme", "bits", "numbers", .. widths.Select(static bits => FormattableString.Invariant($"at {bits} bits"))],
            ranked.Select(site => (object?[])[site.Site, site.Unit, site.Role, site.Scheme, site.Bits, (double)site.Elements, .. widths.Select(bits => (object?)site.At(bits)?.Divergence)])));
    }

    private void Sites(ModelReport report)
    {
        if (report.Sites.Count == 0)
        {
            return;
        }

        _page.Begin("sites", "Sites", "The numbers at each site, their counts on a logarithmic scale (blue), and where all of a site share them the levels that they are rounded to, as high as often they are used (orange).");
        foreach (var role in report.Sites.GroupBy(static site => site.Role, StringComparer.Ordinal))
        {
            _page.Fold(FormattableString.Invariant($"{role.Key}: {role.Count()} sites"), () =>
            {
                _page.Add("<div class=\"grid\">");
                foreach (var site in role)
                {
                    var parts = new List<string> { FormattableString.Invariant($"{site.Site}: {site.Scheme}, {site.Bits} bits, {site.Granularity}") };
                    if (site.RelativeError is { } error)
                    {
                        parts.Add($"error {PageWriter.Number(error, "0.0E+0")}");
                    }

                    if (site.ClippedShare is > 0 and var clipped)
                    {
                        parts.Add($"{PageWriter.Number(100 * clipped, "0.0##")} % clipped");
                    }

                    _page.Figure(Chart.Histogram(site.Minimum, site.Maximum, site.Histogram, site.Levels, site.LevelShares), string.Join("; ", parts));
                }

                _page.Add("</div>");
            }, isOpen: role.Key is "PostSoftmax" or "PostGelu");
        }

        _page.Fold("All sites in a table", () => _page.Table(
            ["site", "role", "scheme", "bits", "granularity", "smallest", "largest", "levels used", "clipped %", "relative error"],
            report.Sites.Select(static site => (object?[])[site.Site, site.Role, site.Scheme, site.Bits, site.Granularity, site.Minimum, site.Maximum, site.Levels.Count > 0 ? site.Levels.Count : null, 100 * site.ClippedShare, site.RelativeError])));
    }

    private void Latencies(ModelReport report)
    {
        if (report.Latencies.Count > 0)
        {
            _page.Begin("latency", "Latency and size", "");
            _page.Table(["format", "images at once", "ms", "MB"], report.Latencies.Select(static row => (object?[])[row.Format, row.BatchSize, row.Milliseconds, row.Bytes / 1e6]));
        }
    }

    private void Run(ModelReport report)
    {
        _page.Begin("run", "The run", "");
        _page.Table(["", ""], report.Run.Select(static fact => (object?[])[fact.Name, fact.Value]));
    }
}
