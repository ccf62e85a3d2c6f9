using IsVit.Core.Graph;
using IsVit.Core.Html;
using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Html;

/// <summary>What notebooks show of this library's objects, found as .NET Interactive finds it: by names.</summary>
public sealed class FormatterTests : IDisposable
{
    private readonly DisposeScope _scope = torch.NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Graph_HasUnitsAndSites()
    {
        using var model = ModelCatalog.Create(ModelCatalog.Demo);

        var html = Html(ModuleGraph.Trace(model, Seeded.Normal(1, 1, 1, 28, 28)));

        Assert.Contains("<p>VisionTransformer: 8 units, 76 sites</p>", html, StringComparison.Ordinal);
        Assert.Contains("<tr><td>blocks.0</td><td>1 x 17 x 64</td><td>1 x 17 x 64</td><td style=\"text-align:right\">12</td></tr>", html, StringComparison.Ordinal);
        Assert.Contains("<td>blocks.0.attn.qkv:input</td><td>PostLayerNorm</td><td>blocks.0.norm1</td>", html, StringComparison.Ordinal);
    }

    [Fact]
    public void QuantizedModel_ItsCoverageAndReport_AreTables()
    {
        using var model = ModelCatalog.Create(ModelCatalog.Demo);
        var images = Seeded.Normal(1, 4, 1, 28, 28);

        using var quantized = ModelQuantizer.Create(o => (o.Recipe, o.WeightBits, o.ActivationBits) = (RecipeNames.MinMax, 8, 6)).Quantize(model, images);

        Assert.Contains("<p>VisionTransformer, minmax, W8A6</p>", Html(quantized), StringComparison.Ordinal);
        var scheme = quantized.Attachment.Find("blocks.0.mlp.fc1:weight")!.Quantizer.Scheme;
        Assert.Contains($"<td>blocks.0.mlp.fc1:weight</td><td>Weight</td><td>{scheme}</td><td style=\"text-align:right\">8</td><td>channel:0</td><td>Off</td>", Html(quantized.Attachment), StringComparison.Ordinal);
        Assert.Contains("<td>activation-calibration</td>", Html(quantized.Report!), StringComparison.Ordinal);
        Assert.Contains("0.00 % of them in float", Html(quantized.MeasureCoverage(images.narrow(0, 0, 1))), StringComparison.Ordinal);
    }

    [Fact]
    public void Report_NumbersAndNames_AreInvariantAndEncoded()
    {
        var report = new QuantizationReport
        {
            Recipe = "mine & yours",
            WeightBits = 4,
            ActivationBits = 3,
            Seed = -1,
            ImageCount = 64,
            CacheBytes = 0,
            Duration = TimeSpan.FromSeconds(1.26),
            Stages = [new StageResult("<stage>", TimeSpan.FromSeconds(1.5), 91.257)],
            Units = [new UnitResult { Unit = "blocks.0", Stage = "s", LossBefore = 0.12345, LossAfter = 1e-7, Iterations = 10, Duration = TimeSpan.Zero, StopReason = StopReason.Completed }],
        };

        var html = Html(report);

        Assert.Contains("<p>mine &amp; yours, W4A3: 64 images, seed -1, 1.3 s</p>", html, StringComparison.Ordinal);
        Assert.Contains("<td>&lt;stage&gt;</td><td style=\"text-align:right\">1.5 s</td><td style=\"text-align:right\">91.26</td>", html, StringComparison.Ordinal);
        Assert.Contains("<td style=\"text-align:right\">0.1235</td><td style=\"text-align:right\">1E-07</td><td style=\"text-align:right\">10</td>", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_IsABar() => Assert.Equal(
        "<progress value=\"0.126\" max=\"1\"></progress> <span>13 %, stage 2 of 4: reconstruction blocks.1, 8 s left</span>",
        Html(Progress(0.126) with { Unit = "blocks.1", Remaining = TimeSpan.FromSeconds(8) }));

    [Fact]
    public void PacedProgress_ManyReports_PassesOnTheFirstOneInEachIntervalAndTheLast()
    {
        var time = new ManualTime();
        var shown = new List<double>();
        var progress = new PacedProgress(report => shown.Add(report.Share), TimeSpan.FromSeconds(1), time);

        foreach (var (seconds, share) in new[] { (0.0, 0.0), (0.5, 0.1), (1.0, 0.2), (1.5, 0.3), (1.75, 0.4), (2.0, 0.5), (2.1, 1.0) })
        {
            time.Now = seconds;
            progress.Report(Progress(share));
        }

        Assert.Equal([0, 0.2, 0.5, 1], shown);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PacedProgress(static _ => { }, TimeSpan.FromSeconds(-1)));
    }

    private static QuantizationProgress Progress(double share) => new()
    {
        Stage = "reconstruction",
        StageIndex = 1,
        StageCount = 4,
        UnitIndex = 0,
        UnitCount = 1,
        Iteration = 1,
        Iterations = 2,
        Elapsed = TimeSpan.Zero,
        Share = share,
    };

    private static string Html(object value)
    {
        var attribute = value.GetType().GetCustomAttributes(inherit: false).Single(static a => a.GetType().Name == nameof(TypeFormatterSourceAttribute));
        var source = Activator.CreateInstance((Type)attribute.GetType().GetProperty("FormatterSourceType")!.GetValue(attribute)!)!;
        var formatter = ((IEnumerable<object>)source.GetType().GetMethod("CreateTypeFormatters")!.Invoke(source, null)!).Single();
        Assert.Equal("text/html", formatter.GetType().GetProperty("MimeType")!.GetValue(formatter));
        using var writer = new StringWriter();
        var format = formatter.GetType().GetMethod("Format")!;
        Assert.False((bool)format.Invoke(formatter, ["something else", writer])!);
        Assert.True((bool)format.Invoke(formatter, [value, writer])!);
        return writer.ToString();
    }

    private sealed class ManualTime : TimeProvider
    {
        public double Now { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => (long)(Now * 1000);
    }
}
