using IsVit.Core.Graph;
using IsVit.Optimization.Reporting;

namespace IsVit.Optimization;

/// <summary>Settings of a single run of the quantizer: progress, scores, a checkpoint and tracing.</summary>
public sealed record QuantizationRun
{
    /// <summary>Receives the progress of the run after every iteration; called on the thread of the run.</summary>
    public IProgress<QuantizationProgress>? Progress { get; init; }

    /// <summary>Computes a score of the model after every stage, such as top-1 accuracy in percent, for the report. Called without gradients; <see cref="ModelForward.Run"/> runs a batch.</summary>
    public Func<ModelForward, double>? Evaluate { get; init; }

    /// <summary>A folder that stores every finished unit, so that a run that was killed resumes from there; null for none.</summary>
    public string? CheckpointDirectory { get; init; }

    /// <summary>Options for tracing the graph.</summary>
    public TraceOptions Trace { get; init; } = new();
}
