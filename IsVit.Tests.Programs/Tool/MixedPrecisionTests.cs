using System.Text.Json;
using IsVit.Core.Models;
using IsVit.Model.Saved;
using IsVit.Reports;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Reporting;

namespace IsVit.Tests.Programs.Tool;

public sealed class MixedPrecisionTests
{
    [Fact]
    public async Task Sensitivity_SmallModel_RanksItsSitesAndWritesThem()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 6);

        var run = await ToolRun.Of(Sensitivity(folder, "--widths", "3,8", "--sensitivity", "measured", "--json", folder["report.json"], "--report", folder["look"]));

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        var report = Read(folder["report.json"]);
        Assert.Equal(("vit_fashion", "isvit", "Measured", 3), (Text(report, "model"), Text(report, "method"), Text(report, "sensitivity"), report.GetProperty("imageCount").GetInt32()));
        Assert.InRange(report.GetProperty("rankCorrelation").GetDouble(), 0.5, 1);
        var sites = report.GetProperty("sites").EnumerateArray().ToList();
        Assert.Equal(75, sites.Count);
        Assert.All(sites, static site => Assert.Equal([3, 4, 8], site.GetProperty("widths").EnumerateArray().Select(static width => width.GetProperty("bits").GetInt32())));

        // The table has the sites in the order of what 4 bits do to them.
        var ranked = sites.OrderByDescending(static site => At(site, 4)).Select(static site => Text(site, "site"));
        var rows = run.Output.Split('\n').Where(static line => line.StartsWith("| ", StringComparison.Ordinal) && line.Contains('#', StringComparison.Ordinal)).ToList();
        Assert.Equal(ranked, rows.Select(static row => row.Split('|')[1].Trim()));
        Assert.Contains(new string('#', 30), rows[0], StringComparison.Ordinal);
        Assert.Equal(1, rows[^1].Count(static sign => sign == '#'));
        Assert.Contains("sensitivity of 75 sites, measured on 3 images", run.Output, StringComparison.Ordinal);

        var look = ModelReports.Open(folder["look"]);
        Assert.Equal(("isvit", "measured", 3), (look.Sensitivity!.Recipe, look.Sensitivity.Method, look.Sensitivity.ImageCount));
        Assert.Equal(sites.Select(static site => (Text(site, "site"), At(site, 4), At(site, 8))), look.Sensitivity.Sites.Select(static site => (site.Site, site.Divergence, site.At(8)!.Divergence)));
        Assert.Equal(sites.Where(static site => Text(site, "site").StartsWith("blocks.1.", StringComparison.Ordinal)).Sum(static site => At(site, 4)), look.Sensitivity.Units.Single(static unit => unit.Unit == "blocks.1").Divergence, 1e-12);
        Assert.Contains(look.Run, static fact => fact.Name == "calibration images" && fact.Value.Contains(", 6 files, SHA-256 of names and contents ", StringComparison.Ordinal));
        var page = File.ReadAllText(folder["look/report.html"]);
        Assert.Contains("<h2 id=\"sensitivity\">", page, StringComparison.Ordinal);
        Assert.Contains("<th class=\"n\">at 3 bits</th>", page, StringComparison.Ordinal);
        Assert.Contains("the 24 of 75 sites that move them most", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quantize_BudgetOfMeanBits_SavesAModelWithin()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);

        var run = await ToolRun.Of(FashionFolder.Quantize(
            folder, "--budget", "4.0bits", "--allowed-bits", "3,4,8", "--sensitivity-count", "2", "--output", folder["out"], "--json", folder["report.json"]));

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains("isvit 4bits: ", run.Output, StringComparison.Ordinal);
        Assert.Contains("bits within 4bits: weights ", run.Output, StringComparison.Ordinal);
        var report = Read(folder["report.json"]);
        Assert.Equal("4bits", Text(report, "budget"));
        Assert.Equal((4, 4), (report.GetProperty("weightBits").GetInt32(), report.GetProperty("activationBits").GetInt32()));
        Assert.InRange(report.GetProperty("meanWeightBits").GetDouble(), 3.8, 4);
        Assert.InRange(report.GetProperty("meanActivationBits").GetDouble(), 3.8, 4);
        var chosen = report.GetProperty("sites").EnumerateArray().ToDictionary(static site => Text(site, "site"), static site => site.GetProperty("bits").GetInt32(), StringComparer.Ordinal);
        Assert.Equal([3, 4, 8], chosen.Values.Distinct().Order());
        using (var saved = SavedModel.Open(folder["out/quantized.safetensors"]))
        {
            Assert.Equal(chosen, saved.Sites.ToDictionary(static site => site.Site.Id, site => saved.Quantizers[site.Quantizer].Bits.Bits, StringComparer.Ordinal));
        }

        var evaluation = await ToolRun.Of("evaluate", "--quantized", folder["out/quantized.safetensors"], "--images", folder["images"], "--labels", folder["labels.csv"], "--json", folder["evaluation.json"]);
        Assert.Equal("", evaluation.Error);
        Assert.Equal(report.GetProperty("top1").GetDouble(), Read(folder["evaluation.json"]).GetProperty("top1").GetDouble());
    }

    [Theory]
    [InlineData("170kB", "0.17 MB")]
    [InlineData("75%bitops", "75.0 % of the options' bit operations")]
    public async Task Quantize_OtherBudgets_AreUsedUpAndKept(string budget, string expected)
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--budget", budget, "--sensitivity-count", "2"));

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains(expected, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quantize_BudgetOfThreeBits_StandsForThreeBits()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--budget", "3.2bits", "--activation-bits", "5", "--sensitivity-count", "2", "--json", folder["report.json"], "--report", folder["look"]));

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        var report = Read(folder["report.json"]);
        Assert.Equal((3, 5), (report.GetProperty("weightBits").GetInt32(), report.GetProperty("activationBits").GetInt32()));
        Assert.Equal(report.GetProperty("sites").GetArrayLength(), ModelReports.Open(folder["look"]).Sensitivity!.Sites.Count);
    }

    [Fact]
    public async Task Quantize_UnreachableBudget_OneLineAndNothingWritten()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        var before = folder.Entries.ToList();

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--budget", "3bits", "--allowed-bits", "4,8", "--sensitivity-count", "2", "--output", folder["out"]));

        run.AssertRefused("A budget of 3bits for weights cannot be met; the least that the allowed widths and the overrides leave is 4 bits.");
        Assert.Equal(before, folder.Entries);
    }

    [Theory]
    [InlineData(1, 1, 1, 30)]
    [InlineData(0, 0, 0, 1)]
    [InlineData(1e-4, 1e-4, 1, 1)]
    [InlineData(1e-1, 1e-4, 1, 23)]
    [InlineData(1, 1e-4, 1, 30)]
    [InlineData(0, 0, 1, 1)]
    [InlineData(1e-12, 0, 1, 1)]
    public void Bar_Number_IsAsLongAsItsLogarithm(double value, double least, double most, int expected) => Assert.Equal(new string('#', expected), SensitivityTable.Bar(value, least, most));

    private static string[] Sensitivity(TemporaryFolder folder, params string[] more) =>
    [
        "sensitivity", "--model", ModelCatalog.Demo, "--weights", folder["weights.safetensors"], "--calibration", folder["images"], "--sensitivity-count", "3", .. more,
    ];

    private static double At(JsonElement site, int bits) =>
        site.GetProperty("widths").EnumerateArray().Single(width => width.GetProperty("bits").GetInt32() == bits).GetProperty("divergence").GetDouble();

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static JsonElement Read(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return document.RootElement.Clone();
    }
}
