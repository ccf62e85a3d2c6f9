using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Programs.Documentation;

/// <summary>The code of docs/reports.md, as it stands there.</summary>
public sealed class ReportPageTests
{
    [Fact]
    public void Page_Record_WritesPageAndNumbers()
    {
        using var scope = torch.NewDisposeScope();
        using var directory = new TemporaryFolder();
        using var model = Micro.Vit();
        var (images, shown, folder) = (Micro.Images(), Micro.Images(count: 8), directory["report"]);
        var names = Enumerable.Range(0, 10).Select(static i => $"class {i}").ToList();
        var quantizer = Micro.Quantizer([StageNames.ActivationCalibration, StageNames.WeightCalibration], []);

        // snippet: record
        using var samples = new InMemorySamples([shown]); // [images, 3, height, width], as the model takes them
        using var recorder = new ReportRecorder(ModelForward.Of(model), samples, new() { Title = "my model", ClassNames = names });
        using var quantized = quantizer.Quantize(model, images, new QuantizationRun { Progress = recorder });
        recorder.Measure(quantized).Save(folder); // report.html and report.json
        // end

        Assert.Contains("<h1>my model</h1>", File.ReadAllText(directory["report/report.html"]), StringComparison.Ordinal);
        var json = File.ReadAllText(directory["report/report.json"]);

        // snippet: read
        var report = ModelReports.FromJson(json);
        foreach (var site in report.Sites.OrderByDescending(site => site.RelativeError).Take(5))
        {
            Console.WriteLine($"{site.Site}: {site.Scheme}, {site.Bits} bits, relative error {site.RelativeError:E1}");
        }
        // end

        Assert.Equal(quantized.Attachment.Bindings.Count, report.Sites.Count);

        var (other, page) = (report with { Sites = [.. report.Sites.Select(static site => site.RelativeError is { } error ? site with { RelativeError = 2 * error } : site)] }, directory["page.html"]);

        // snippet: compare
        var comparison = ReportComparison.Of(ModelReports.Open(folder), other);
        Console.WriteLine(comparison.Sites[0]); // name, both errors, their difference and ratio
        File.WriteAllText(page, comparison.ToHtml());
        // end

        Assert.All(comparison.Sites, static site => Assert.Equal(2, site.Ratio!.Value, 1e-12));

        // snippet: alone
        quantized.SaveReport(folder, samples); // also of QuantizedModel.Load(...)
        // end

        Assert.Empty(ModelReports.FromJson(File.ReadAllText(directory["report/report.json"])).Units);
    }
}
