using IsVit.Core.Graph;
using IsVit.Optimization.Reporting;

namespace IsVit.Optimization;

/// <summary>What goes with one run of the quantizer.</summary>
public sealed record QuantizationRun
{
    /// <summary>Hears how far the run has come, after every step; called on the running thread.</summary>
    public IProgress<QuantizationProgress>? Progress { get; init; }

    /// <summary>A score of the model after every stage, such as top-1 accuracy in percent; it goes into the report. Called without gradients; <see cref="ModelForward.Run"/> runs a batch.</summary>
    public Func<ModelForward, double>? Evaluate { get; init; }

    /// <summary>A folder that keeps every finished unit, so that a run that was killed goes on from there; null for none.</summary>
    public string? CheckpointDirectory { get; init; }

    /// <summary>What tracing is told about the graph.</summary>
    public TraceOptions Trace { get; init; } = new();
}
