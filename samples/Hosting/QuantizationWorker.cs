using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Optimization;
using IsVit.Optimization.Reporting;
using Microsoft.Extensions.Logging;

namespace Hosting;

/// <summary>Quantizes the model that the configuration names, then ends the host. Ctrl+C stops it within one step; started again, it goes on from there.</summary>
internal sealed partial class QuantizationWorker(
    ModelQuantizer quantizer, IConfiguration configuration, IHostApplicationLifetime lifetime, ILogger<QuantizationWorker> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Quantize(stoppingToken);
        }
        finally
        {
            lifetime.StopApplication();
        }
    }

    private async Task Quantize(CancellationToken stoppingToken)
    {
        var output = configuration["Output"] ?? "quantized.safetensors";
        var preset = ModelCatalog.Find(Required("Model"));
        using var model = preset.Create();
        StateDict.Load(model, Required("Weights"));
        var images = ImageFolder.Read(Required("Images")).Shuffle(seed: 0).Take(256);
        using var calibration = new ImageFileSource(images, preset.Preprocessing).LoadAll(stoppingToken);

        // snippet: progress
        var run = new QuantizationRun
        {
            CheckpointDirectory = output + ".checkpoint",
            Progress = new PacedProgress(report => Progressed(report.Share, report.Stage, report.Unit, report.Remaining), TimeSpan.FromSeconds(5))
        };
        using var quantized = await quantizer.QuantizeAsync(model, calibration.Pixels, run, cancellationToken: stoppingToken);
        quantized.Save(output);
        // end
    }

    [LoggerMessage(LogLevel.Information, "{Share:P0} done, {Stage} {Unit}, {Remaining} left.")]
    private partial void Progressed(double share, string stage, string? unit, TimeSpan? remaining);

    private string Required(string key) =>
        configuration[key] ?? throw new InvalidOperationException($"'{key}' is missing: give it as --{key} VALUE, or in appsettings.json.");
}
