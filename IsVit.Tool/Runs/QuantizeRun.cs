using System.Diagnostics;
using System.Globalization;
using IsVit.Core.Coverage;
using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Effort;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Progress;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary><c>isvit quantize</c>: weights and folders in, a quantized model and its figures out.</summary>
internal static class QuantizeRun
{
    /// <summary>The quantized model's file in the output folder.</summary>
    public const string ModelFile = "quantized.safetensors";

    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="cancellationToken">Stops within one step; nothing is kept then but the checkpoint.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, QuantizeArguments arguments, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();

        // Everything that can be wrong with the arguments comes before the first costly step.
        var preset = ModelInput.Find(arguments.Model, arguments.Crop);
        var calibrationFiles = ImageInput.Calibration(arguments.Calibration, arguments.CalibrationCount);
        var testFiles = ImageInput.Test(arguments.Images, arguments.Labels, arguments.ClassCount ?? preset.Options.ClassCount);
        if (arguments.Json is not null)
        {
            JsonFile.RequireWritable(arguments.Json);
        }

        using var output = arguments.Output is null ? null : OutputFolder.Create(arguments.Output);
        using var model = ModelInput.Load(preset, arguments.Weights, arguments.ClassCount);
        model.to(arguments.Device);
        ImageInput.RequireLabelsInRange(testFiles, model.ClassCount);
        var fewer = calibrationFiles.Count < arguments.CalibrationCount ? $" (all there are; {arguments.CalibrationCount} were asked for)" : "";
        Say(console, $"{preset.Name}: {calibrationFiles.Count} calibration images{fewer}, {testFiles?.Count ?? 0} test images");

        var loading = ImageInput.Loading(arguments.SkipUnreadable, console.Error);
        var floatBytes = RunDescription.FloatBytes(model);
        var test = testFiles is null ? null : ImageInput.OpenForRepeatedUse(testFiles, preset.Preprocessing, loading, cancellationToken);
        using var testInMemory = test as IDisposable;
        var reference = test is null ? null : FloatReference.Measure(model, test, arguments.BatchSize, cancellationToken);
        if (reference is not null)
        {
            Say(console, $"float: {Percent(reference.Float.Top1)} top-1, {Percent(reference.Float.Top5)} top-5");
        }

        using var calibration = ImageInput.Load(calibrationFiles, preset.Preprocessing, loading, arguments.Device, cancellationToken);
        var allocation = arguments.Budget is null ? null : SiteBitChoice.Make(console, arguments, options => Configure(options, arguments, null), model, calibration, cancellationToken);
        var quantizer = ModelQuantizer.Create(options => Configure(options, arguments, allocation), new ConsoleWarnings(console));
        Say(console, $"expected: {RemainingTime.Format(Expected(quantizer.EstimateDuration(ModelForward.Of(model), calibration), arguments, reference is null ? 0 : testFiles!.Count))} on this machine");
        EvaluationResult? scored = null;
        using var quantized = ProgressView.Run(console, arguments.Title, view => quantizer.Quantize(
            ModelForward.Of(model),
            calibration,
            new QuantizationRun
            {
                Progress = new EngineProgress(view),
                Evaluate = reference?.Float.Top1 is null || !arguments.ScoreStages ? null : _ => (scored = reference.Evaluate(model, cancellationToken)).Top1!.Value,
                CheckpointDirectory = arguments.Checkpoint,
            },
            cancellationToken));

        var modelBytes = Save(quantized, preset, arguments, output);
        if (output?.Commit() is { } folder)
        {
            Say(console, $"saved {Path.Combine(folder, ModelFile)}");
        }

        // The model is as the last stage left it, and that may have been scored.
        var result = scored ?? new EvaluationResult(null, null, null, null);
        var aftermath = new Aftermath(console);
        if (scored is null && reference is not null)
        {
            aftermath.Do("the model cannot be scored", () => result = reference.Evaluate(model, cancellationToken));
        }

        var report = ReportFactory.Create(arguments, quantized.Report!, reference?.Float, result, clock.Elapsed, modelBytes, floatBytes, allocation);
        aftermath.WriteReport(arguments.Json, report, QuantizationJsonContext.Default.QuantizationJson);
        ReportTable.Write(console.Ansi, report, result.Agreement);
        aftermath.Do("the share of products in float cannot be measured", () =>
        {
            using var scope = torch.NewDisposeScope();
            CoverageLines.Write(console, quantized.MeasureCoverage(calibration.Batches[0].Slice(0, 1), ProductSource.Operators), isMeant: !arguments.Recipe.QuantizesActivations);
        });
        return aftermath.ExitCode;
    }

    // Looking at the test images after every stage takes its time as well, with quantizers a third more than without.
    private static TimeSpan Expected(DurationEstimate estimate, QuantizeArguments arguments, int testCount) =>
        estimate.Total + (1.3 * testCount * (arguments.ScoreStages ? arguments.Recipe.Stages.Count : 1) * estimate.ForwardOfImage);

    private static void Configure(QuantizationOptions options, QuantizeArguments arguments, BitAllocation? allocation)
    {
        options.Overrides = [.. allocation?.Overrides ?? []];
        options.Recipe = arguments.Method;
        options.WeightBits = arguments.WeightBits;
        options.ActivationBits = arguments.ActivationBits;
        options.Seed = arguments.Seed;
        options.Sparsity = arguments.Sparsity;
        options.Calibration.StatisticsImageCount = arguments.StatisticsCount;
        options.Reconstruction.Iterations = arguments.Iterations;
        options.Reconstruction.BatchSize = arguments.BatchSize;
        options.OutputTuning.Steps = arguments.TuningSteps;
        options.Reconstruction.LearningRate = arguments.LearningRate;
        options.Reconstruction.DropProbability = arguments.DropProbability;
        options.Reconstruction.HeldOutShare = arguments.HeldOutShare;
        options.Reconstruction.Views = arguments.Views;
        options.Reconstruction.Cache = arguments.Cache;
        options.Reconstruction.CacheDirectory = arguments.CacheFolder;
        options.Reconstruction.Precision = arguments.Precision;
    }

    // Of a model that nobody keeps the length alone is wanted, for the report.
    private static long Save(QuantizedModel quantized, ModelPreset preset, QuantizeArguments arguments, OutputFolder? output)
    {
        var description = new RunDescription(preset.Name, ((ImageClassifier)quantized.Model).ClassCount, preset.Preprocessing.CropFraction, arguments.Method, arguments.WeightBits, quantized.Report!.ActivationBits, arguments.Seed);
        return output is null ? description.Measure(quantized) : description.Write(quantized, output.PathOf(ModelFile));
    }

    private static string Percent(double? value) => value is { } v ? string.Create(CultureInfo.InvariantCulture, $"{v:F2} %") : "unknown";

    private static void Say(ToolConsole console, FormattableString text) => console.Out.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
