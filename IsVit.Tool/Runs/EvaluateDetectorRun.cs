using System.Diagnostics;
using System.Globalization;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary>What <c>isvit evaluate</c> was asked for, of a detector.</summary>
/// <param name="Model">The detector's name; null for that in the quantized file.</param>
/// <param name="Weights">The file of float weights, or null.</param>
/// <param name="Quantized">The file of a quantized detector, or null.</param>
/// <param name="ClassCount">The number of classes; null for that of the quantized file or the annotations.</param>
/// <param name="Coco">The annotations.</param>
/// <param name="Images">The folder of their images, or null for their own.</param>
/// <param name="TestCount">How many of the images, or null for all.</param>
/// <param name="PerClass">Whether each class has scores of its own.</param>
/// <param name="Json">The file of the report, or null.</param>
/// <param name="SkipUnreadable">Whether images that cannot be read are left out instead of ending the run.</param>
/// <param name="Device">Where the detectors run.</param>
internal sealed record EvaluateDetectorArguments(
    string? Model, string? Weights, string? Quantized, int? ClassCount, string? Coco, string? Images, int? TestCount, bool PerClass, string? Json, bool SkipUnreadable, torch.Device Device);

/// <summary><c>isvit evaluate</c> for detectors: COCO's scores of a float detector, a quantized one, or both.</summary>
internal static class EvaluateDetectorRun
{
    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="cancellationToken">Stops between two images.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, EvaluateDetectorArguments arguments, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        if ((arguments.Weights ?? arguments.Quantized) is null)
        {
            throw new ToolException("there is no detector to evaluate; give --weights, --quantized or both.");
        }

        var annotations = arguments.Coco ?? throw new ToolException("there is nothing to evaluate with; give --coco.");
        if (arguments.Json is not null)
        {
            JsonFile.RequireWritable(arguments.Json);
        }

        var quantized = arguments.Quantized is { } file ? DetectorSource.OfQuantized(file, arguments.Model, arguments.ClassCount) : null;
        var images = CocoImages.Open(
            annotations, arguments.Images, arguments.TestCount, ImageInput.Loading(arguments.SkipUnreadable, console.Error), console.Warn);
        var weights = arguments.Weights is { } path ? DetectorSource.OfWeights(quantized?.Preset.Name ?? arguments.Model!, path, quantized?.ClassCount ?? arguments.ClassCount ?? images.ClassCount) : null;
        var source = quantized ?? weights!;
        images.RequireClasses(source.ClassCount);
        console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{source.Preset.Name}: {images.Count} test images"));

        var floatBytes = 0L;
        var floatScores = weights is null ? null : Measure(weights, "float");
        var quantizedScores = quantized is null ? null : Measure(quantized, quantized.Saved is { } saved ? $"{saved.Method} W{saved.WeightBits}A{saved.ActivationBits}" : "quantized");
        var report = Report(source, clock.Elapsed, floatBytes) with { Detection = DetectionJson.Of(floatScores, quantizedScores, arguments.PerClass) };
        DetectionTable.WriteResults(console.Ansi, report, isQuantized: quantized is not null);
        var aftermath = new Aftermath(console);
        aftermath.WriteReport(arguments.Json, report, QuantizationJsonContext.Default.QuantizationJson);
        return aftermath.ExitCode;

        DetectionScores Measure(DetectorSource which, string name)
        {
            var (detector, quantization) = which.Load(arguments.Device);
            using var ownedDetector = detector;
            using var ownedQuantization = quantization;
            floatBytes = RunDescription.FloatBytes(detector);
            var scores = images.Measure(detector, source.Preset.Preprocessing, arguments.Device, cancellationToken);
            DetectionTable.WriteScores(console, name, scores, arguments.PerClass);
            return scores;
        }
    }

    // A float detector is its own reference, and has no bits.
    private static QuantizationJson Report(DetectorSource source, TimeSpan duration, long floatBytes) =>
        new(
            source.Preset.Name,
            source.IsQuantized ? source.Saved?.Method ?? "quantized" : "float",
            source.IsQuantized ? source.Saved?.WeightBits : RunDescription.FloatBits,
            source.IsQuantized ? source.Saved?.ActivationBits : RunDescription.FloatBits,
            source.Saved?.Seed,
            FloatTop1: null,
            FloatTop5: null,
            Top1: null,
            Top5: null,
            LogitsMse: null,
            Stages: [],
            Units: [],
            CalibrationSeconds: 0,
            duration.TotalSeconds,
            PeakMemory.Megabytes(),
            new FileInfo(source.Path).Length,
            floatBytes);
}
