using System.Diagnostics;
using System.Text.RegularExpressions;
using IsVit.Core.Graph;
using IsVit.Optimization;
using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Reports;

public sealed class ModelReportsTests
{
    private static readonly Lazy<ModelReport> s_report = new(Make);

    [Fact]
    public void ToJson_Read_IsTheSame()
    {
        var json = s_report.Value.ToJson();

        var read = ModelReports.FromJson(json);

        Assert.Equal(json, read.ToJson());
        Assert.Equal(s_report.Value.Sites[3].Histogram, read.Sites[3].Histogram);
        Assert.Equal(s_report.Value.Images[0].Picture, read.Images[0].Picture);
    }

    [Fact]
    public void ToJson_NumbersThatAreNone_AreRead()
    {
        var report = new ModelReport { Title = "t", Run = [], Units = [new("a", double.NaN), new("b", double.PositiveInfinity)] };

        var read = ModelReports.FromJson(report.ToJson());

        Assert.True(double.IsNaN(read.Units[0].RelativeError));
        Assert.Equal(double.PositiveInfinity, read.Units[1].RelativeError);
        Assert.Contains("<h2 id=\"units\">", report.ToHtml(), StringComparison.Ordinal);
    }

    /// <summary>Every part is there, each picture's names are its own, and nothing is fetched.</summary>
    [Fact]
    public void ToHtml_Page_NeedsNothingElse()
    {
        var html = s_report.Value.ToHtml();

        Assert.All((string[])["stages", "images", "units", "reconstruction", "landscape", "sensitivity", "sites", "latency", "run"], part => Assert.Contains($"<h2 id=\"{part}\">", html, StringComparison.Ordinal));
        var ids = Regex.Matches(html, " id=\"([^\"]*)\"", RegexOptions.None, TimeSpan.FromSeconds(10)).Select(static match => match.Groups[1].Value).ToList();
        Assert.Equal(ids.Count, ids.Distinct(StringComparer.Ordinal).Count());
        Assert.All(Regex.Matches(html, @"url\(#([^)]*)\)", RegexOptions.None, TimeSpan.FromSeconds(10)).Select(static match => match.Groups[1].Value), id => Assert.Contains(id, ids));
        Assert.DoesNotMatch("(src|href)=\"(?!data:|#)", html);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.Contains("before stage 2: 0.125 in the middle", html, StringComparison.Ordinal);
        Assert.Contains("The loss of blocks.&lt;1&gt; while", html, StringComparison.Ordinal);
        Assert.Contains("a &lt;title&gt; &amp; more", html, StringComparison.Ordinal);
        Assert.Contains("<b>59.4</b><span>top-1, %; float 85.4</span>", html, StringComparison.Ordinal);
    }

    [Fact]
    public void SaveReport_LoadedModelAlone_WritesSitesAndRun()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var images = Micro.Images();
        using (var model = Micro.Vit())
        {
            using var made = ReportRecorderTests.Quantize(model, images);
            made.Save(folder["model.safetensors"]);
        }

        using var other = Micro.Vit();
        using var loaded = QuantizedModel.Load(folder["model.safetensors"], other);
        using var samples = ReportRecorderTests.Samples(images);

        loaded.SaveReport(folder["a/b"], samples);
        loaded.SaveReport(folder["a/b"], samples, new() { Title = "again" });

        Assert.Equal([ModelReports.PageFile, ModelReports.JsonFile], Directory.EnumerateFiles(folder["a/b"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var read = ModelReports.FromJson(File.ReadAllText(folder["a/b/report.json"]));
        Assert.Equal(("again", loaded.Attachment.Bindings.Count, 0, 0), (read.Title, read.Sites.Count, read.Units.Count, read.Images.Count));
        Assert.Contains(read.Run, static fact => fact.Name == "TorchSharp");
    }

    /// <summary>In a real browser nothing is wider than the window but what scrolls by itself.</summary>
    [Theory]
    [InlineData(500)]
    [InlineData(1280)]
    public async Task ToHtml_InABrowser_FitsTheWindow(int width)
    {
        var browser = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .SelectMany(static folder => (string[])[Path.Combine(folder, "chromium"), Path.Combine(folder, "google-chrome")]).FirstOrDefault(File.Exists);
        Assert.SkipWhen(browser is null, "Neither chromium nor google-chrome is on the PATH.");
        using var folder = new TemporaryFolder();
        var page = s_report.Value.ToHtml().Replace("</body>", "<script>document.querySelectorAll('details').forEach(d => d.open = true); document.title = 'wide ' + document.documentElement.scrollWidth + ' of ' + document.documentElement.clientWidth;</script></body>", StringComparison.Ordinal);
        File.WriteAllText(folder["page.html"], page);
        string[] arguments =
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", $"--user-data-dir={folder["profile"]}", FormattableString.Invariant($"--window-size={width},900"), "--dump-dom", new Uri(folder["page.html"]).AbsoluteUri,
        ];
        using var process = Process.Start(new ProcessStartInfo(browser!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var dom = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        var title = Regex.Match(dom, "<title>wide ([0-9]+) of ([0-9]+)</title>", RegexOptions.None, TimeSpan.FromSeconds(10));
        Assert.True(title.Success, await error);
        Assert.Equal(title.Groups[2].Value, title.Groups[1].Value);
    }

    private static ModelReport Make()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        using var samples = ReportRecorderTests.Samples(images);
        using var recorder = new ReportRecorder(ModelForward.Of(model), samples);
        using var quantized = ReportRecorderTests.Quantize(model, images, new() { Progress = recorder });
        return recorder.Measure(quantized, new()
        {
            Title = "a <title> & more",
            Scores = [new("top-1, %", 85.4, 59.4), new("squared error of logits", null, 0.000123)],
            Latencies = [new("ONNX", 8, 12.5, 1_000_000)],
            Facts = [new("weights", new string('x', 300))],
        }) with
        {
            Landscape = new() { Unit = "blocks.<1>", SampleCount = 4, Steps = [-0.5, 0, 0.5], Before = [[1, 0.5, 1], [0.5, 0.125, 0.25], [1, double.PositiveInfinity, 1]], After = [[1, 1, 1], [1, 0.25, 1], [1, 1, 1]] },
            Sensitivity = new()
            {
                Recipe = "isvit",
                Method = "measured",
                Metric = "ClassProbabilities",
                ImageCount = 2,
                Sites = [.. ((string[])["blocks.0", "blocks.1"]).Select(static (unit, i) => new SiteDivergence { Site = $"{unit}.mlp.fc1:input", Unit = unit, Role = "PostLayerNorm", Scheme = "uniform", Bits = 4, Elements = 100, Widths = [new(3, 0.5 * i, true), new(4, 0.25, true)] })],
            },
        };
    }
}
