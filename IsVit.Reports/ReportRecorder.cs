using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Reporting;
using IsVit.Reports.Contents;
using IsVit.Reports.Measuring;

namespace IsVit.Reports;

/// <summary>
/// Makes a report: looks at a float model before it is quantized, listens to the run, and then looks at the quantized model.
/// </summary>
/// <remarks>Give it to <see cref="QuantizationRun.Progress"/>, so that the losses of iterations are in the report.</remarks>
public sealed class ReportRecorder : IProgress<QuantizationProgress>, IDisposable
{
    private readonly ReportOptions _options;
    private readonly IReadOnlyList<SampleBatch> _samples;
    private readonly ModelObservation? _float;
    private readonly LandscapeMeasurement? _landscape;
    private readonly IProgress<QuantizationProgress>? _next;
    private readonly Dictionary<(string Stage, string Unit), List<double>> _losses = [];
    private readonly object _lock = new();

    /// <summary>Looks at a float model.</summary>
    /// <param name="model">The model, in evaluation mode, without quantizers; it is not changed. Null for a quantized model that comes without the float one: then errors of units and changed predictions are not in the report.</param>
    /// <param name="samples">What models are looked at with, on the model's device, each [images, ...].</param>
    /// <param name="options">What the report holds.</param>
    /// <param name="next">Is told of the run's progress as well.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="QuantizationException">The model has no unit of the name that <see cref="LandscapeOptions.Unit"/> gives.</exception>
    public ReportRecorder(ModelForward? model, InMemorySamples samples, ReportOptions? options = null, IProgress<QuantizationProgress>? next = null)
    {
        ArgumentNullException.ThrowIfNull(samples);
        _options = options ?? new();
        _options.Validate();
        _next = next;
        _samples = ObservedSamples.Of(samples, _options.SampleCount);
        _float = model is null ? null : ModelObservation.OfFloat(model, _samples, _options.Trace);
        if (model is not null && _options.Landscape is { } landscape)
        {
            try
            {
                _landscape = new(model, ObservedSamples.Of(samples, landscape.SampleCount), landscape.Unit, landscape.Steps, _options.Trace);
            }
            catch
            {
                Dispose();
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public void Report(QuantizationProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value is { Unit: { } unit, Loss: { } loss })
        {
            lock (_lock)
            {
                if (!_losses.TryGetValue((value.Stage, unit), out var losses))
                {
                    _losses[(value.Stage, unit)] = losses = [];
                }

                losses.Add(loss);
            }
        }

        _landscape?.Hear(value);
        _next?.Report(value);
    }

    /// <summary>Looks at the quantized model.</summary>
    /// <param name="quantized">The model; it is not changed.</param>
    /// <param name="options">What the report holds beside what the constructor's options say: scores, latencies and facts that are known by now; null for those.</param>
    public ModelReport Measure(QuantizedModel quantized, ReportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(quantized);
        options ??= _options;
        options.Validate();
        var sites = SiteMeasurement.Measure(quantized.Attachment, _samples, options.HistogramBins);
        var landscape = _landscape?.Find(quantized);
        using var observed = ModelObservation.OfQuantized(quantized.Attachment, _samples);
        return new()
        {
            Title = options.Title,
            Run = [.. ReportFacts.Of(quantized), .. options.Facts, .. Obstacle()],
            Scores = options.Scores,
            Stages = [.. (quantized.Report?.Stages ?? []).Select(static stage => new StageRow(stage.Name, stage.Duration.TotalSeconds, stage.Score))],
            Trainings = [.. (quantized.Report?.Units ?? []).Select(Training)],
            Units = _float is null ? [] : observed.ErrorsFrom(_float),
            Sensitivity = options.Sensitivity is { } sensitivity ? SensitivityRows.Of(sensitivity) : null,
            Landscape = landscape,
            Sites = sites,
            Images = _float is null ? [] : ImageMeasurement.Measure(_float, observed, _samples, options.ImageCount, options.ClassNames),
            Latencies = options.Latencies,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _float?.Dispose();
        _landscape?.Dispose();
    }

    private IEnumerable<ReportFact> Obstacle() => _landscape?.Obstacle is { } obstacle ? [new("loss around the weights", $"not looked at: {obstacle}")] : [];

    private UnitTraining Training(UnitResult result)
    {
        lock (_lock)
        {
            return new(result.Unit, result.Stage, result.LossBefore, result.LossAfter, result.Iterations, result.Duration.TotalSeconds, [.. _losses.GetValueOrDefault((result.Stage, result.Unit), [])]);
        }
    }
}
