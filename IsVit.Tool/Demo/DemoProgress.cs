using IsVit.Optimization.Reporting;
using IsVit.Tool.Progress;

namespace IsVit.Tool.Demo;

/// <summary>Shows one of several runs as its part of the whole.</summary>
/// <param name="view">Receives it.</param>
/// <param name="name">The run's name.</param>
/// <param name="index">The run's number, from 0.</param>
/// <param name="count">All runs.</param>
internal sealed class DemoProgress(IProgress<WorkProgress> view, string name, int index, int count) : IProgress<QuantizationProgress>
{
    // Runs have different numbers of steps; each is an equal part here.
    private const int Whole = 1000;

    /// <inheritdoc/>
    public void Report(QuantizationProgress value)
    {
        var run = EngineProgress.Translate(value);
        view.Report(run with
        {
            Stage = $"{name}, {run.Stage}",
            Done = (index * Whole) + (int)((long)Whole * run.Done / Math.Max(1, run.Total)),
            Total = count * Whole,
            Remaining = null,
        });
    }
}
