using IsVit.Core.Imaging;
using IsVit.Core.Samples;
using IsVit.Model.Imaging;
using IsVit.Model.Statistics;
using IsVit.Optimization;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary>What <c>isvit drift</c> was asked for.</summary>
/// <param name="Quantized">The file that <c>isvit quantize</c> saved.</param>
/// <param name="Images">The folder of images.</param>
/// <param name="Count">How many of them to compare.</param>
/// <param name="Preparation">How images are prepared otherwise than the saved file says.</param>
/// <param name="Json">The file of the report, or null.</param>
/// <param name="SkipUnreadable">Whether images that cannot be read are left out instead of ending the run.</param>
/// <param name="Device">Where the model runs.</param>
internal sealed record DriftArguments(string Quantized, string Images, int Count, PreparationChoice Preparation, string? Json, bool SkipUnreadable, torch.Device Device);

/// <summary><c>isvit drift</c>: how unlike the calibration images some images are to a saved model.</summary>
internal static class DriftRun
{
    /// <summary>How many images are compared where nothing else is asked for; more make the limits no tighter.</summary>
    public const int SampleSize = 64;

    /// <summary>The fewest images that can be compared.</summary>
    public const int SmallestSample = CalibrationStatistics.MinimumImageCount;

    // Files are sorted by class, and a sample must not be of a few classes alone.
    private const long SampleShuffle = 0;

    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="cancellationToken">Stops within a few images.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, DriftArguments arguments, CancellationToken cancellationToken)
    {
        ModelKinds.RequireClassifier(arguments.Quantized, "drift");
        var saved = RunDescription.Read(arguments.Quantized);
        var files = ImageFolder.Read(arguments.Images, recursive: true);
        if (arguments.Json is not null)
        {
            JsonFile.RequireWritable(arguments.Json);
        }

        var (quantized, module) = saved.Load(arguments.Quantized, arguments.Device);
        using var ownedModule = module;
        using var ownedQuantized = quantized;
        var preset = saved.Preset(arguments.Preparation);
        using var sample = Sample(files, arguments.Count, preset.Preprocessing, ImageInput.Loading(arguments.SkipUnreadable, console.Error), arguments.Device, cancellationToken);
        var report = quantized.CompareWithCalibration(sample, cancellationToken: cancellationToken);
        DriftLines.Write(console, report);
        var aftermath = new Aftermath(console);
        aftermath.WriteReport(arguments.Json, DriftJson.Of(report), DriftJsonContext.Default.DriftJson);
        return aftermath.ExitCode;
    }

    /// <summary>Compares a sample of some images with a model's calibration, and warns if they have drifted.</summary>
    /// <param name="console">Where to warn.</param>
    /// <param name="quantized">The model; one without statistics is not compared.</param>
    /// <param name="files">The images; fewer than <see cref="SmallestSample"/> are not compared.</param>
    /// <param name="preprocessing">What the model wants.</param>
    /// <param name="loading">How files are read.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="cancellationToken">Stops within a few images.</param>
    public static void WarnOfDrift(
        ToolConsole console, QuantizedModel quantized, ImageList files, ImagePreprocessing preprocessing, ImageLoaderOptions loading, torch.Device device, CancellationToken cancellationToken)
    {
        if (quantized.CalibrationStatistics is null || files.Count < SmallestSample)
        {
            return;
        }

        using var sample = Sample(files, SampleSize, preprocessing, loading, device, cancellationToken);
        if (sample.Count >= SmallestSample)
        {
            DriftLines.Warn(console, quantized.CompareWithCalibration(sample, cancellationToken: cancellationToken));
        }
    }

    private static InMemorySamples Sample(ImageList files, int count, ImagePreprocessing preprocessing, ImageLoaderOptions loading, torch.Device device, CancellationToken cancellationToken) =>
        ImageInput.Load(files.Shuffle(SampleShuffle).Take(Math.Min(count, files.Count)), preprocessing, loading, device, cancellationToken);
}
