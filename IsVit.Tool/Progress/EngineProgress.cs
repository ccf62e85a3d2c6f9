using IsVit.Optimization.Reporting;

namespace IsVit.Tool.Progress;

/// <summary>Shows the engine's progress: its stage, unit and loss, and the share of the run that is done.</summary>
/// <param name="view">Receives it.</param>
internal sealed class EngineProgress(IProgress<WorkProgress> view) : IProgress<QuantizationProgress>
{
    // A stage's share is cut into thousandths, so that stages without units or steps count as well.
    private const long PerStage = 1000;

    /// <inheritdoc/>
    public void Report(QuantizationProgress value) => view.Report(Translate(value));

    /// <summary>The engine's progress in the tool's words.</summary>
    /// <param name="value">What the engine reported.</param>
    public static WorkProgress Translate(QuantizationProgress value)
    {
        var unit = value.UnitCount == 0 ? 0 : (value.UnitIndex + (value.Iterations == 0 ? 0 : (double)value.Iteration / value.Iterations)) / value.UnitCount;
        return new WorkProgress(
            value.Stage,
            string.IsNullOrEmpty(value.Unit) ? "all units" : value.Unit,
            (value.StageIndex * PerStage) + (long)(unit * PerStage),
            value.StageCount * PerStage,
            value.Loss,
            value.Remaining);
    }
}
