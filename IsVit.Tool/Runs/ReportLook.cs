using IsVit.Core.Samples;
using IsVit.Optimization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Workloads;

namespace IsVit.Tool.Runs;

/// <summary>Looks at a model before and after it is quantized, for <c>--report</c>.</summary>
internal sealed class ReportLook : IDisposable
{
    private readonly IWorkload _work;
    private readonly QuantizeArguments _arguments;
    private readonly InMemorySamples? _shown;
    private readonly ReportRecorder _recorder;

    /// <summary>Looks at the float model.</summary>
    /// <param name="work">The model and its images.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="calibration">What is looked at where there are no test images.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    public ReportLook(IWorkload work, QuantizeArguments arguments, InMemorySamples calibration, CancellationToken cancellationToken)
    {
        (_work, _arguments) = (work, arguments);
        ReportFolder.Create(arguments.Report!);
        _shown = work.ReadShown(new ReportOptions().SampleCount, cancellationToken);
        try
        {
            _recorder = new(work.Model, _shown ?? calibration, new() { Landscape = Landscape });
        }
        catch
        {
            _shown?.Dispose();
            throw;
        }
    }

    /// <summary>Hears of the run.</summary>
    /// <param name="next">Hears of it too.</param>
    public IProgress<QuantizationProgress> Recorder(IProgress<QuantizationProgress> next) => new Both(_recorder, next);

    /// <summary>Looks at the quantized model and writes the page.</summary>
    /// <param name="quantized">The model.</param>
    /// <param name="report">The figures.</param>
    /// <param name="result">The quantized model's scores.</param>
    /// <param name="sensitivity">What bits were chosen by; null where all sites have the same.</param>
    /// <returns>The page.</returns>
    public string Write(QuantizedModel quantized, QuantizationJson report, EvaluationResult result, SensitivityReport? sensitivity)
    {
        _recorder.Measure(quantized, new()
        {
            Title = $"{_work.Name}, {_arguments.Title}",
            ImageCount = _work.OutputsFeatures ? 0 : new ReportOptions().ImageCount,
            ClassNames = _work.ClassNames,
            Facts = _arguments.Output is null ? report.Run : [.. report.Run, SavedModelFact.Of(Path.Combine(_arguments.Output, QuantizeRun.ModelFile))],
            Sensitivity = sensitivity,
            Scores = [.. Scores(report, result).Where(static score => score.QuantizedModel is not null)],
        }).Save(_arguments.Report!);
        return Path.Combine(_arguments.Report!, ModelReports.PageFile);
    }

    public void Dispose()
    {
        _recorder.Dispose();
        _shown?.Dispose();
    }

    // It takes some hundred runs of one unit: nothing beside a reconstruction, but much beside a calibration alone, or for the large images of a detector.
    private LandscapeOptions? Landscape => _arguments.ReportLandscape is not null || (_work is ClassifierWorkload && _arguments.Recipe.Stages.Any(static stage => stage.Name == StageNames.ActivationReconstruction))
        ? new() { Unit = _arguments.ReportLandscape }
        : null;

    private static IEnumerable<ScoreRow> Scores(QuantizationJson report, EvaluationResult result)
    {
        yield return new("top-1, %", report.FloatTop1, report.Top1);
        yield return new("top-5, %", report.FloatTop5, report.Top5);
        yield return new("the float model's answers, %", null, result.Agreement);
        yield return new("squared error of logits", null, report.LogitsMse);
        yield return new("box AP, %", report.Detection?.Float?.Boxes["AP"], report.Detection?.Quantized?.Boxes["AP"]);
        yield return new("mask AP, %", report.Detection?.Float?.Masks["AP"], report.Detection?.Quantized?.Masks["AP"]);
        yield return new("file, MB", report.FloatBytes / 1e6, report.ModelBytes / 1e6);
    }

    private sealed class Both(IProgress<QuantizationProgress> first, IProgress<QuantizationProgress> second) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value)
        {
            first.Report(value);
            second.Report(value);
        }
    }
}
