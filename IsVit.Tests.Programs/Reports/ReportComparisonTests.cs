using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Tests.TestSupport;
using IsVit.Tests.Programs.Tool;

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
