using IsVit.Optimization.Reporting;

namespace IsVit.Tool.Progress;

/// <summary>Shows the engine's progress: its stage, unit and loss, and the share of the run that is done.</summary>
/// <param name="view">Receives it.</param>
internal sealed class EngineProgress(IProgress<WorkProgress> view) : IProgress<QuantizationProgress>
{
    // Of the run.
    private const long Parts = 10_000;

    /// <inheritdoc/>
    public void Report(QuantizationProgress value) => view.Report(Translate(value));

    /// <summary>The engine's progress in the tool's words.</summary>
    /// <param name="value">What the engine reported.</param>
    public static WorkProgress Translate(QuantizationProgress value) =>
        new(value.Stage, string.IsNullOrEmpty(value.Unit) ? "all units" : value.Unit, (long)(value.Share * Parts), Parts, value.Loss, value.Remaining);
}
