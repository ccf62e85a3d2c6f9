using System.Diagnostics;
using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary>What <c>isvit evaluate</c> was asked for.</summary>
/// <param name="Quantized">The file that <c>isvit quantize</c> saved, or <c>isvit export</c> for ONNX Runtime.</param>
/// <param name="Weights">The file of float weights to compare with, or null.</param>
/// <param name="Images">The folder of test images, or null for that of the labels.</param>
/// <param name="Labels">The CSV of labels, or null.</param>
/// <param name="BatchSize">Images at once.</param>
/// <param name="Preparation">How images are prepared otherwise than the saved file says.</param>
/// <param name="Json">The file of the report, or null.</param>
/// <param name="SkipUnreadable">Whether images that cannot be read are left out instead of ending the run.</param>
/// <param name="Device">Where the models run.</param>
internal sealed record EvaluateArguments(string Quantized, string? Weights, string? Images, string? Labels, int BatchSize, PreparationChoice Preparation, string? Json, bool SkipUnreadable, torch.Device Device);

/// <summary><c>isvit evaluate</c>: the figures of a saved model.</summary>
internal static class EvaluateRun
{
    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, EvaluateArguments arguments, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        using var onnx = OnnxClassifier.Supports(arguments.Quantized) ? OnnxClassifier.Open(arguments.Quantized) : null;
        if (onnx is not null)
        {
            OnnxClassifier.RequireProcessor(arguments.Device);
        }

        var saved = onnx?.Describe(arguments.Quantized) ?? RunDescription.Read(arguments.Quantized);
        var preset = saved.Preset(arguments.Preparation);
        var files = ImageInput.Test(arguments.Images, arguments.Labels, saved.ClassCount)
            ?? throw new ToolException("there is nothing to evaluate with; give --labels, --images or both.");
        if (arguments.Json is not null)
        {
            JsonFile.RequireWritable(arguments.Json);
        }

        ImageInput.RequireLabelsInRange(files, saved.ClassCount);
        var loading = ImageInput.Loading(arguments.SkipUnreadable, console.Error);
        var images = ImageInput.OpenForRepeatedUse(files, preset.Preprocessing, loading, cancellationToken);
        using var imagesInMemory = images as IDisposable;
        var reference = arguments.Weights is null ? null : Reference(preset, saved, arguments, images, cancellationToken);

        var (quantized, classifier) = onnx is null ? saved.Load(arguments.Quantized, arguments.Device) : default;
        using var ownedClassifier = classifier;
        using var ownedQuantized = quantized;
        torch.nn.Module<torch.Tensor, torch.Tensor> module = onnx is null ? classifier : onnx;
        var result = reference?.Evaluate(module, cancellationToken)
            ?? EvaluationResult.Of(Logits.Collect(module, images, arguments.BatchSize, cancellationToken));
        if (quantized is not null)
        {
            DriftRun.WarnOfDrift(console, quantized, files, preset.Preprocessing, loading, arguments.Device, cancellationToken);
        }

        using var floatModel = onnx is null ? null : preset.Create(saved.ClassCount);
        var report = new QuantizationJson(
            saved.Model,
            saved.Method,
            saved.WeightBits,
            saved.ActivationBits,
            saved.Seed,
            reference?.Float.Top1,
            reference?.Float.Top5,
            result.Top1,
            result.Top5,
            result.LogitsMse,
            Stages: [],
            Units: [],
            CalibrationSeconds: 0,
            clock.Elapsed.TotalSeconds,
            PeakMemory.Megabytes(),
            new FileInfo(arguments.Quantized).Length,
            RunDescription.FloatBytes(floatModel ?? module));
        ReportTable.WriteResults(console.Ansi, report, result.Agreement);
        var aftermath = new Aftermath(console);
        aftermath.WriteReport(arguments.Json, report, QuantizationJsonContext.Default.QuantizationJson);
        return aftermath.ExitCode;
    }

    private static FloatReference Reference(ModelPreset preset, RunDescription saved, EvaluateArguments arguments, IImageSource images, CancellationToken cancellationToken)
    {
        using var model = ModelInput.LoadBeside(arguments.Quantized, preset, saved.ClassCount, arguments.Weights!);
        model.to(arguments.Device);
        return FloatReference.Measure(model, images, arguments.BatchSize, cancellationToken);
    }
}
