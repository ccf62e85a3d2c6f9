using System.Diagnostics;
using System.Globalization;
using IsVit.Cluster.Jobs;
using IsVit.Core.Coverage;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Effort;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Reports.Contents;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Progress;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using IsVit.Tool.Workloads;
using Microsoft.Extensions.Configuration;
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
    /// <exception cref="RunInterruptedException">It was stopped; the message says what is kept.</exception>
    public static int Run(ToolConsole console, QuantizeArguments arguments, CancellationToken cancellationToken)
    {
        var checkpoint = CheckpointFolder.Of(arguments);
        try
        {
            return Quantize(console, arguments, checkpoint, cancellationToken);
        }
        catch (OperationCanceledException error)
        {
            throw new RunInterruptedException(checkpoint?.Kept ?? $"nothing was saved; {(arguments.NoCheckpoint ? "without --no-checkpoint" : "with --output DIR or --checkpoint DIR")} finished units are kept", error);
        }
        catch (QuantizationException error) when (checkpoint is not null && error.Message.Contains($"'{checkpoint.Path}", StringComparison.Ordinal))
        {
            throw new ToolException($"{error.Message} --restart deletes what is kept there and starts anew.", error);
        }
        catch (Exception error) when (error is not IsVitException && checkpoint?.UnitCount > 0)
        {
            console.Error.WriteLine($"isvit: {checkpoint.Kept}.");
            throw;
        }
        finally
        {
            if (!arguments.DryRun)
            {
                checkpoint?.DiscardEmpty();
            }
        }
    }

    private static int Quantize(ToolConsole console, QuantizeArguments arguments, CheckpointFolder? checkpoint, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();

        // Everything that can be wrong with the arguments comes before the first costly step.
        if (arguments.Json is not null)
        {
            JsonFile.RequireWritable(arguments.Json);
        }

        using var output = arguments.Output is null || arguments.DryRun ? null : OutputFolder.Create(arguments.Output);
        using var work = Workload.Open(console, arguments);
        Say(console, $"{work.Name}: {work.Images}");
        if (arguments.DryRun)
        {
            using var samples = work.ReadCalibration(cancellationToken);
            return DryRun.Write(console, arguments, work, samples, options => Configure(options, arguments, null, work), checkpoint, cancellationToken);
        }

        if (arguments.Restart)
        {
            checkpoint?.Clear();
        }

        checkpoint?.DiscardEmpty();

        var floatBytes = RunDescription.FloatBytes(work.Model.Module);
        if (arguments.Units is { } share)
        {
            return ReconstructAhead(console, arguments, share, work, checkpoint!, cancellationToken);
        }

        var reference = work.MeasureFloat(cancellationToken);
        if (reference is not null)
        {
            Say(console, $"float: {reference.Summary}");
        }

        using var calibration = work.ReadCalibration(cancellationToken);
        var allocation = arguments.Budget is null ? null : SiteBitChoice.Make(console, arguments, options => Configure(options, arguments, null, work), work.Model, calibration, cancellationToken);
        var quantizer = ModelQuantizer.Create(options => Configure(options, arguments, allocation, work), new ConsoleWarnings(console));
        Say(console, $"expected: {RemainingTime.Rounded(Expected(quantizer.EstimateDuration(work.Model, calibration), arguments, work.TestDuration))} on this machine");
        if (checkpoint is not null)
        {
            Say(console, $"{checkpoint.Announcement}");
        }

        var scores = new List<EvaluationResult>();
        using var look = arguments.Report is null ? null : new ReportLook(work, arguments, calibration, cancellationToken);
        using var quantized = ProgressView.Run(console, arguments.Title, view => quantizer.Quantize(
            work.Model,
            calibration,
            new QuantizationRun
            {
                Progress = look is null ? new EngineProgress(view) : look.Recorder(new EngineProgress(view)),
                Evaluate = reference?.Score is null || !arguments.ScoreStages ? null : _ => ScoreStage(work, scores, cancellationToken),
                CheckpointDirectory = checkpoint?.Path,
            },
            cancellationToken),
            arguments.Progress);

        var aftermath = new Aftermath(console);

        // Of a model that nobody keeps the length alone is wanted, for the report.
        var description = work.Describe(quantized.Report!);
        var modelBytes = output is null ? description.Measure(quantized) : description.Write(quantized, output.PathOf(ModelFile));
        if (output?.Commit() is { } folder)
        {
            Say(console, $"saved {Path.Combine(folder, ModelFile)}");
            if (checkpoint is { IsAutomatic: true })
            {
                aftermath.Do($"what was kept in {checkpoint.Path} cannot be deleted", checkpoint.Clear);
            }
        }

        // The model is as the last stage left it, and that may have been scored.
        var result = scores.Count > 0 ? scores[^1] : EvaluationResult.None;
        if (scores.Count == 0 && reference is not null)
        {
            aftermath.Do("the model cannot be scored", () => result = work.Measure(cancellationToken));
        }

        IReadOnlyList<ReportFact> facts = [];
        if (arguments.Json is not null || look is not null)
        {
            aftermath.Do("the run's inputs cannot be read again, for their hashes", () => facts = RunFacts.Of(arguments, work));
        }

        var report = ReportFactory.Create(arguments, work.Name, quantized.Report!, reference, result, clock.Elapsed, modelBytes, floatBytes, scores, allocation) with
        {
            Detection = work.Report(reference, result),
            Run = facts,
        };
        aftermath.WriteReport(arguments.Json, report, QuantizationJsonContext.Default.QuantizationJson);
        if (look is not null)
        {
            aftermath.Do($"the report cannot be written to {arguments.Report}", () => Say(console, $"report {look.Write(quantized, report, result, allocation?.Report)}"));
        }

        ReportTable.Write(console.Ansi, report, result.Agreement);
        aftermath.Do("the share of products in float cannot be measured", () =>
        {
            using var scope = torch.NewDisposeScope();
            CoverageLines.Write(console, quantized.MeasureCoverage(calibration.Batches[0].Slice(0, 1), ProductSource.Operators), isMeant: !arguments.Recipe.QuantizesActivations, work.IsLeftInFloat);
        });
        return aftermath.ExitCode;
    }

    private static int ReconstructAhead(ToolConsole console, QuantizeArguments arguments, UnitShare share, IWorkload work, CheckpointFolder checkpoint, CancellationToken cancellationToken)
    {
        using var calibration = work.ReadCalibration(cancellationToken);
        var quantizer = ModelQuantizer.Create(options => Configure(options, arguments, null, work), new ConsoleWarnings(console));
        var results = ProgressView.Run(
            console,
            $"{arguments.Title}, units {share}",
            view => quantizer.ReconstructAhead(
                work.Model,
                calibration,
                index => index % share.Count == share.Index,
                new QuantizationRun { Progress = new EngineProgress(view), CheckpointDirectory = checkpoint.Path },
                cancellationToken),
            arguments.Progress);
        Say(console, $"reconstructed {results.Count} units ahead; {checkpoint.Path} holds {checkpoint.UnitCount}");
        return 0;
    }

    private static double ScoreStage(IWorkload work, List<EvaluationResult> scores, CancellationToken cancellationToken)
    {
        scores.Add(work.Measure(cancellationToken));
        return scores[^1].Score!.Value;
    }

    /// <summary>The time of a run: looking at the test images after every stage takes its time as well, with quantizers a third more than without.</summary>
    /// <param name="estimate">The engine's.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="testDuration">The float model's time for the test images.</param>
    internal static TimeSpan Expected(DurationEstimate estimate, QuantizeArguments arguments, TimeSpan testDuration) =>
        estimate.Total + (1.3 * (arguments.ScoreStages ? arguments.Recipe.Stages.Count : 1) * testDuration);

    private static void Configure(QuantizationOptions options, QuantizeArguments arguments, BitAllocation? allocation, IWorkload work)
    {
        options.OutputMetric = work.OutputsFeatures ? OutputMetric.Values : options.OutputMetric;
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
        options.Reconstruction.OutputWeight = arguments.OutputWeight ?? options.Reconstruction.OutputWeight;
        options.Reconstruction.Views = arguments.Views;
        options.Reconstruction.Cache = arguments.Cache;
        options.Reconstruction.CacheDirectory = arguments.CacheFolder;
        options.Reconstruction.Precision = arguments.Precision;

        // What the file has for sites comes behind a budget's choice, and so wins.
        arguments.Engine?.Bind(options);
    }

    private static void Say(ToolConsole console, FormattableString text) => console.Out.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
