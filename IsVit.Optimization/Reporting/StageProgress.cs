using System.Diagnostics;
using IsVit.Core.Graph;

namespace IsVit.Optimization.Reporting;

/// <summary>Receives the progress of a stage and reports it as <see cref="QuantizationProgress"/>.</summary>
public sealed class StageProgress
{
    [ThreadStatic]
    private static StageProgress? s_current;

    private readonly IProgress<QuantizationProgress>? _progress;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Stopwatch _stepClock = new();
    private long _stepsDone;
    private long _stepsCounted;
    private string _stage = "";

    internal StageProgress(IProgress<QuantizationProgress>? progress) => _progress = progress;

    /// <summary>The one whose listener is being told of a report on this thread; null for a listener that hears of it later or on another thread, where the run has gone on.</summary>
    internal static StageProgress? Current => s_current;

    /// <summary>The model that is being quantized.</summary>
    internal GraphAttachment? Attachment { get; init; }

    /// <summary>Stops the run.</summary>
    internal CancellationToken CancellationToken { get; init; }

    internal int StageCount => Work.Count;

    /// <summary>About how much work each stage is, in any unit.</summary>
    internal IReadOnlyList<double> Work { get; set; } = [];

    /// <summary>The index of the running stage, from 0.</summary>
    public int StageIndex { get; private set; }

    /// <summary>The steps of all units and stages of the run.</summary>
    internal long StepsTotal { get; set; }

    internal void BeginStage(string stage, int index)
    {
        _stage = stage;
        StageIndex = index;
        Report(null, 0, 0, 0, 0, null);
    }

    /// <summary>Begins a unit.</summary>
    /// <param name="unit">Its path.</param>
    /// <param name="index">The unit's index in the stage, from 0.</param>
    /// <param name="count">The stage's number of units.</param>
    /// <param name="iterations">The total number of iterations for the unit.</param>
    public void BeginUnit(string unit, int index, int count, int iterations)
    {
        _stepClock.Start();
        Report(unit, index, count, 0, iterations, null);
    }

    /// <summary>Ends an iteration.</summary>
    /// <param name="unit">The unit's path.</param>
    /// <param name="index">The unit's index in the stage, from 0.</param>
    /// <param name="count">The stage's number of units.</param>
    /// <param name="iteration">The number of iterations completed so far.</param>
    /// <param name="iterations">The total number of iterations for the unit.</param>
    /// <param name="loss">The iteration's loss.</param>
    public void Step(string unit, int index, int count, int iteration, int iterations, double loss)
    {
        _stepsDone++;
        _stepsCounted++;
        Report(unit, index, count, iteration, iterations, loss);
    }

    /// <summary>Ends a unit; skipped iterations count as done but not towards the measured speed.</summary>
    /// <param name="stepsSpared">The number of iterations that were skipped.</param>
    public void EndUnit(int stepsSpared)
    {
        _stepClock.Stop();
        _stepsDone += stepsSpared;
    }

    private void Report(string? unit, int index, int count, int iteration, int iterations, double? loss)
    {
        if (_progress is null)
        {
            return;
        }

        TimeSpan? remaining = _stepsCounted > 0 ? _stepClock.Elapsed / _stepsCounted * Math.Max(0, StepsTotal - _stepsDone) : null;
        var report = new QuantizationProgress
        {
            Stage = _stage,
            StageIndex = StageIndex,
            StageCount = StageCount,
            Unit = unit,
            UnitIndex = index,
            UnitCount = count,
            Iteration = iteration,
            Iterations = iterations,
            Loss = loss,
            Elapsed = _clock.Elapsed,
            Remaining = remaining,
            Share = ShareDone(count == 0 ? 0 : (index + (iterations == 0 ? 0 : (double)iteration / iterations)) / count),
        };
        var before = s_current;
        s_current = this;
        try
        {
            _progress.Report(report);
        }
        finally
        {
            s_current = before;
        }
    }

    private double ShareDone(double ofStage)
    {
        var total = Work.Sum();
        return total > 0 ? (Work.Take(StageIndex).Sum() + (Work[StageIndex] * ofStage)) / total : 0;
    }
}
