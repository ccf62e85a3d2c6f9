using IsVit.Core.Graph;
using IsVit.Optimization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Reports.Contents;

namespace IsVit.Reports;

/// <summary>What a report holds.</summary>
public sealed record ReportOptions
{
    /// <summary>The title of the page.</summary>
    public string Title { get; init; } = "Quantized model";

    /// <summary>The most samples that are looked at, 1 or more; the first ones. Of large images fewer are.</summary>
    public int SampleCount { get; init; } = 32;

    /// <summary>The most images that are shown, 0 or more.</summary>
    public int ImageCount { get; init; } = 8;

    /// <summary>The intervals of histograms, 2 or more.</summary>
    public int HistogramBins { get; init; } = 96;

    /// <summary>Names of the classes, by index; null to show indices.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>Scores that the caller measured.</summary>
    public IReadOnlyList<ScoreRow> Scores { get; init; } = [];

    /// <summary>The sensitivity of the outputs to each site, if the caller measured it (<see cref="ModelQuantizer.MeasureSensitivity(ModelForward, IsVit.Core.Samples.InMemorySamples, SensitivityOptions?, QuantizationRun?, CancellationToken)"/>), such as to choose bits.</summary>
    public SensitivityReport? Sensitivity { get; init; }

    /// <summary>Latencies that the caller measured.</summary>
    public IReadOnlyList<LatencyRow> Latencies { get; init; } = [];

    /// <summary>
    /// How the loss of a unit is looked at around its weights, before and after the stage that turns per-channel scales into one (<c>reparameterization</c>); null not to look, which is the default. It is done while the run
    /// reports its progress, so that the recorder must be told of it on the run's thread; the run's result is the same.
    /// </summary>
    public LandscapeOptions? Landscape { get; init; }

    /// <summary>What else the caller knows of the run, such as files and their hashes.</summary>
    public IReadOnlyList<ReportFact> Facts { get; init; } = [];

    /// <summary>How the float model's units are found; as for the run that quantizes it.</summary>
    public TraceOptions Trace { get; init; } = new();

    internal void Validate()
    {
        Require(nameof(SampleCount), SampleCount, 1);
        Require(nameof(ImageCount), ImageCount, 0);
        Require(nameof(HistogramBins), HistogramBins, 2);
        Landscape?.Validate();
    }

    private static void Require(string option, int value, int least)
    {
        if (value < least)
        {
            throw new ArgumentOutOfRangeException(option, value, FormattableString.Invariant($"{nameof(ReportOptions)}.{option} is {value}; expected {least} or more."));
        }
    }
}
