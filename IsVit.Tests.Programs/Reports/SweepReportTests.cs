using System.Text.Json;
using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Reports.Page;

namespace IsVit.Tests.Programs.Reports;

public sealed class SweepReportTests
{
    [Fact]
    public void Pareto_SomePoints_AreThoseThatNoOtherBeatsInBoth()
    {
        (double, double)[] points = [(3, 80), (1, 50), (2, 70), (2, 60), (2.5, 70), (4, 79), (1, 40), (5, 81)];

        Assert.Equal([(1, 50), (2, 70), (3, 80), (5, 81)], SweepPage.Pareto(points));
        Assert.Empty(SweepPage.Pareto([]));
    }

    [Fact]
    public void ToHtml_RunsWithAndWithoutScores_ShowsFrontsTableAndErrors()
    {
        var report = new SweepReport
        {
            Title = "A <sweep>",
            ScoreName = "top-1 %",
            Rows =
            [
                new SweepRow("small-isvit", "vit", "isvit", 4, 4, 0) { Score = 71.5, FloatScore = 72, ModelBytes = 3_000_000, FloatBytes = 22_000_000, Seconds = 40, Tries = 1, Worker = "here" },
                new SweepRow("small-minmax", "vit", "minmax", 4, 4, 0) { Score = 60, FloatScore = 72, ModelBytes = 2_900_000, FloatBytes = 22_000_000, Seconds = 4, Tries = 1, Worker = "here" },
                new SweepRow("worse", "vit", "minmax", 4, 4, 1) { Score = 50, FloatScore = 72, ModelBytes = 2_950_000, FloatBytes = 22_000_000, Seconds = 5, Tries = 1, Worker = "here" },
                new SweepRow("broken", "vit", "isvit", null, null, null) { Error = "no <such> file", Tries = 1 },
            ],
        };

        var page = report.ToHtml();

        Assert.Contains("<h1>A &lt;sweep&gt;</h1>", page, StringComparison.Ordinal);
        Assert.Contains("no &lt;such&gt; file", page, StringComparison.Ordinal);
        Assert.Equal(2, page.Split("<svg ").Length - 1);

        // In the pictures those are named that nothing beats: in both the first two.
        var pictures = string.Concat(page.Split("<svg ").Skip(1).Select(static part => part[..part.IndexOf("</svg>", StringComparison.Ordinal)]));
        Assert.Equal([2, 2, 0, 0], report.Rows.Select(row => pictures.Split(row.Name).Length - 1));
        Assert.DoesNotContain("<svg ", (report with { Rows = [report.Rows[3]] }).ToHtml(), StringComparison.Ordinal);
        Assert.Equal(4, JsonDocument.Parse(report.ToJson()).RootElement.GetProperty("rows").GetArrayLength());
    }
}
