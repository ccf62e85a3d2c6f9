using System.Text.Json;
using System.Text.RegularExpressions;
using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Tests.Programs.Tool;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Programs.Reports;

public sealed class ReportComparisonTests
{
    [Fact]
    public void Of_TwoReports_PairsByName()
    {
        var comparison = ReportComparison.Of(s_first, s_second);

        Assert.Equal([new("top-1", 60, 75), new("old", 1, null), new("new", null, 2)], comparison.Scores);
        Assert.Equal((15, 1.25), (comparison.Scores[0].Difference, comparison.Scores[0].Ratio));
        Assert.Equal([new("blocks.0", 0.1, 0.2)], comparison.Units);

        // A quarter is farther than three times, and what has no ratio comes last.
        Assert.Equal(["c", "b", "a", "d"], comparison.Sites.Select(static site => site.Name));
        Assert.Equal([new("stage", 2, 3)], comparison.Stages);
        Assert.Equal([new("seed", "0", "1"), new("b", "uniform, 3 bits, tensor", "uniform, 4 bits, tensor"), new("d", "uniform, 3 bits, tensor", null)], comparison.Differences);
    }

    [Fact]
    public void Of_SensitivitiesOfOneMetric_PairsUnitsAndSitesAtEachWidth()
    {
        var comparison = ReportComparison.Of(
            s_first with { Sensitivity = Sensitivity("Probabilities", 32, Divergence("a", "blocks.0", 3, 0.5, 0.1), Divergence("b", "blocks.0", 3, 0.25, 0.2), Divergence("head", null, 3, 8, 4)) },
            s_second with { Sensitivity = Sensitivity("Probabilities", 16, Divergence("a", "blocks.0", 4, 0.5, 0.1), Divergence("b", "blocks.0", 4, 0.5, 0.8), Divergence("c", "blocks.1", 4, 1, 2)) });

        // Sums at the options' bits: 0.5 + 0.25, 0.1 + 0.8 and 2.
        Assert.Equal(["blocks.0", "blocks.1"], comparison.UnitSensitivities.Select(static unit => unit.Name));
        Assert.Equal((0.75, 0.9), (comparison.UnitSensitivities[0].First!.Value, Math.Round(comparison.UnitSensitivities[0].Second!.Value, 12)));
        Assert.Equal(new("blocks.1", null, 2), comparison.UnitSensitivities[1]);
        Assert.Equal([new("b, 4 bits", 0.2, 0.8), new("b, 3 bits", 0.25, 0.5), new("a, 3 bits", 0.5, 0.5), new("a, 4 bits", 0.1, 0.1)], comparison.SiteSensitivities.Take(4));
        Assert.Equal([new("head, 3 bits", 8, null), new("head, 4 bits", 4, null), new("c, 3 bits", null, 1), new("c, 4 bits", null, 2)], comparison.SiteSensitivities.Skip(4));
        Assert.Contains(new("sensitivities", "Probabilities, measured on 32 images with the quantizers of 'isvit'", "Probabilities, measured on 16 images with the quantizers of 'isvit'"), comparison.Differences);
    }

    [Fact]
    public void Of_SensitivitiesOfOtherMetrics_SaysSoInsteadOfPairingThem()
    {
        var comparison = ReportComparison.Of(
            s_first with { Sensitivity = Sensitivity("Probabilities", 32, Divergence("a", "blocks.0", 3, 0.5, 0.1)) },
            s_second with { Sensitivity = Sensitivity("Values", 32, Divergence("a", "blocks.0", 3, 0.5, 0.1)) });

        Assert.Empty(comparison.UnitSensitivities);
        Assert.Empty(comparison.SiteSensitivities);
        Assert.Contains(new("sensitivities", "Probabilities, measured on 32 images with the quantizers of 'isvit'", "Values, measured on 32 images with the quantizers of 'isvit'"), comparison.Differences);
        Assert.DoesNotContain("id=\"sensitivity\"", comparison.ToHtml(), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_LossesAroundOneUnit_GivesMiddlesMeansAndTheirRatio()
    {
        var (first, second) = (Plane("blocks.3", 1), Plane("blocks.3", 4));

        var comparison = ReportComparison.Of(s_first with { Landscape = first }, s_second with { Landscape = second });
        var page = comparison.ToHtml();

        Assert.Equal(
            [
                new("the weights, before stage 2", 5, 20),
                new("the weights, after stage 2", 0.5, 2),
                new("mean over the plane, before stage 2", 5, 20),
                new("mean over the plane, after stage 2", 0.5, 2),
            ],
            comparison.Landscape);
        Assert.Same(first, comparison.FirstLandscape);
        Assert.DoesNotContain(comparison.Differences, static text => text.Name == "loss around the weights");
        foreach (var caption in (string[])["before stage 2: 5 in the middle, 5 on average", "after stage 2: 2 in the middle, 2 on average", "before stage 2: the second&#39;s loss divided by the first&#39;s", "after stage 2: the second&#39;s loss divided by the first&#39;s"])
        {
            Assert.Contains($"<figcaption>{caption}</figcaption>", page, StringComparison.Ordinal);
        }

        // One scale for the losses of all four maps, 0.1 to 36, and one for both of their ratio, which is 4 everywhere.
        var scales = Regex.Matches(page, "<svg.*?</svg>", RegexOptions.Singleline).Select(static picture => string.Join(' ', Regex.Matches(picture.Value, ">([-0-9.E+]+)</text>").Select(static text => text.Groups[1].Value))).ToList();
        Assert.Equal([.. Enumerable.Repeat("0 0 0.23 1 4.4 19", 4), .. Enumerable.Repeat("0 0 4 4 4.1 4.1", 2)], scales);
    }

    [Fact]
    public void Of_LossesAroundOtherUnits_ShowsBothAndPairsNothing()
    {
        var comparison = ReportComparison.Of(s_first with { Landscape = Plane("blocks.3", 1) }, s_second with { Landscape = Plane("blocks.4", 1) });
        var page = comparison.ToHtml();

        Assert.Empty(comparison.Landscape);
        Assert.Contains(new("loss around the weights", "blocks.3, 4 samples, 3 points up to 0.5", "blocks.4, 4 samples, 3 points up to 0.5"), comparison.Differences);
        Assert.Equal(2, page.Split("before stage 2: 5 in the middle").Length - 1);
        Assert.DoesNotContain("divided by the first", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_Latencies_PairsFormatsAndBatches()
    {
        var comparison = ReportComparison.Of(
            s_first with { Latencies = [new("float", 1, 10, 20_000_000), new("float", 8, 70, 20_000_000), new("runtime", 1, 4, 3_000_000)] },
            s_second with { Latencies = [new("float", 1, 12, 20_000_000), new("float", 8, 77, 20_000_000), new("exact", 1, 6, 4_000_000)] });

        Assert.Equal([new("float, 1 at once", 10, 12), new("float, 8 at once", 70, 77), new("runtime, 1 at once", 4, null), new("exact, 1 at once", null, 6)], comparison.Latencies);
        Assert.Equal([new("float", 20_000_000, 20_000_000), new("runtime", 3_000_000, null), new("exact", null, 4_000_000)], comparison.FileBytes);
        Assert.Contains("<td class=\"wrap\">float, 8 at once</td><td class=\"n\">70</td><td class=\"n\">77</td><td class=\"n\">7</td><td class=\"n\">1.1</td>", comparison.ToHtml(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compare_AllParts_PrintsThemAndWritesNumbers()
    {
        using var folder = new TemporaryFolder();
        var sensitivity = Sensitivity("Probabilities", 32, Divergence("a", "blocks.0", 3, 0.5, 0.1));
        (s_first with { Sensitivity = sensitivity, Landscape = Plane("blocks.3", 1), Latencies = [new("float", 1, 10, 20)] }).Save(folder["one"]);
        (s_second with { Sensitivity = sensitivity, Landscape = Plane("blocks.3", 4), Latencies = [new("float", 1, 15, 20)] }).Save(folder["two"]);

        var run = await ToolRun.Of("compare", folder["one"], folder["two"], "--output", folder["page.html"], "--json", folder["numbers.json"]);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        foreach (var row in (string[])[@"\| the weights, after stage 2 +\| +0\.5 \| +2 \| +1\.5 \| +4 \|", @"\| blocks\.0 +\| +0\.5 \| +0\.5 \| +0 \| +1 \|", @"\| a, 4 bits +\| +0\.1 \| +0\.1 \|", @"\| float, 1 at once +\| +10 \| +15 \| +5 \| +1\.5 \|"])
        {
            Assert.Matches(row, run.Output);
        }

        using var json = JsonDocument.Parse(File.ReadAllText(folder["numbers.json"]));
        var latency = json.RootElement.GetProperty("latencies")[0];
        Assert.Equal(("float, 1 at once", 10, 15, 5, 1.5), (latency.GetProperty("name").GetString(), latency.GetProperty("first").GetDouble(), latency.GetProperty("second").GetDouble(), latency.GetProperty("difference").GetDouble(), latency.GetProperty("ratio").GetDouble()));
        Assert.Equal(36, json.RootElement.GetProperty("secondLandscape").GetProperty("before")[2][2].GetDouble());
        Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("scores")[1].GetProperty("second").ValueKind);
    }

    [Fact]
    public async Task Compare_TwoFolders_PrintsAndWritesPage()
    {
        using var folder = new TemporaryFolder();
        s_first.Save(folder["one"]);
        s_second.Save(folder["two"]);

        var run = await ToolRun.Of("compare", folder["one"], folder["two/report.json"], "--output", folder["page.html"]);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains("first:  one & only\nsecond: two\n", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"\| top-1 +\| +60 \| +75 \| +15 \| +1\.25 \|", run.Output);
        var page = File.ReadAllText(folder["page.html"]);
        Assert.Contains("<title>one &amp; only and two</title>", page, StringComparison.Ordinal);
        Assert.Contains("<td class=\"wrap\">top-1</td><td class=\"n\">60</td><td class=\"n\">75</td><td class=\"n\">15</td><td class=\"n\">1.25</td>", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compare_NoReport_SaysWhatWasExpected()
    {
        using var folder = new TemporaryFolder();
        s_first.Save(folder["one"]);
        File.WriteAllText(folder["other.json"], "[1]");

        var missing = await ToolRun.Of("compare", folder["one"], folder["two"]);
        var other = await ToolRun.Of("compare", folder["one"], folder["other.json"]);

        missing.AssertRefused("expected a folder with report.json, which 'isvit quantize --report' writes, or that file.");
        other.AssertRefused("other.json holds no report: ");
    }

    private static readonly ModelReport s_first = Report("one & only") with
    {
        Run = [new("seed", "0"), new("same", "x")],
        Scores = [new("top-1", 85, 60), new("old", null, 1)],
        Units = [new("blocks.0", 0.1)],
        Stages = [new("stage", 2, null)],
        Sites = [Site("a", 3, 1.0), Site("b", 3, 0.1), Site("c", 3, 0.8), Site("d", 3, 0.5)],
    };

    private static readonly ModelReport s_second = Report("two") with
    {
        Run = [new("seed", "1"), new("same", "x")],
        Scores = [new("top-1", 85, 75), new("new", null, 2)],
        Units = [new("blocks.0", 0.2)],
        Stages = [new("stage", 3, null)],
        Sites = [Site("a", 3, 1.0), Site("b", 4, 0.3), Site("c", 3, 0.2)],
    };

    private static ModelReport Report(string title) => new() { Title = title, Run = [] };

    private static ReportedSensitivity Sensitivity(string metric, int count, params IReadOnlyList<SiteDivergence> sites) => new() { Recipe = "isvit", Method = "measured", Metric = metric, ImageCount = count, Sites = sites };

    private static SiteDivergence Divergence(string site, string? unit, int bits, double at3, double at4) => new()
    {
        Site = site,
        Unit = unit,
        Role = "Other",
        Scheme = "uniform",
        Bits = bits,
        Elements = 1,
        Widths = [new(3, at3, true), new(4, at4, true)],
    };

    // 1 to 9 before, a tenth of it after, times what is given.
    private static LossLandscape Plane(string unit, double times) => new()
    {
        Unit = unit,
        SampleCount = 4,
        Steps = [-0.5, 0, 0.5],
        Before = [.. Enumerable.Range(0, 3).Select(row => (IReadOnlyList<double>)[.. Enumerable.Range(1, 3).Select(column => times * ((3 * row) + column))])],
        After = [.. Enumerable.Range(0, 3).Select(row => (IReadOnlyList<double>)[.. Enumerable.Range(1, 3).Select(column => times * ((3 * row) + column) / 10)])],
    };

    private static SiteReport Site(string name, int bits, double error) => new()
    {
        Site = name,
        Role = "Other",
        Scheme = "uniform",
        Bits = bits,
        Granularity = "tensor",
        Minimum = 0,
        Maximum = 1,
        Histogram = [1, 2],
        RelativeError = error,
    };
}
