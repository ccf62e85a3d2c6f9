using System.Diagnostics;

namespace IsVit.Optimization.Reporting;

/// <summary>Turns what stages do into <see cref="QuantizationProgress"/>.</summary>
internal sealed class ProgressReporter(IProgress<QuantizationProgress>? progress)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Stopwatch _stepClock = new();
    private long _stepsDone;
    private long _stepsCounted;
    private string _stage = "";

    public int StageCount { get; set; }

    /// <summary>The number of the stage that runs, from 0.</summary>
    public int StageIndex { get; private set; }

    /// <summary>The steps of all units and stages of the run.</summary>
    public long StepsTotal { get; set; }

    public void BeginStage(string stage, int index)
    {
        _stage = stage;
        StageIndex = index;
        Report(null, 0, 0, 0, 0, null);
    }

    public void BeginUnit(string unit, int index, int count, int iterations)
    {
        _stepClock.Start();
        Report(unit, index, count, 0, iterations, null);
    }

    public void Step(string unit, int index, int count, int iteration, int iterations, double loss)
    {
        _stepsDone++;
        _stepsCounted++;
        Report(unit, index, count, iteration, iterations, loss);
    }

    /// <summary>Ends a unit; steps that it was spared count as done but not as a measure of speed.</summary>
    public void EndUnit(int stepsSpared)
    {
        _stepClock.Stop();
        _stepsDone += stepsSpared;
    }

    private void Report(string? unit, int index, int count, int iteration, int iterations, double? loss)
    {
        if (progress is null)
        {
            return;
        }

        TimeSpan? remaining = _stepsCounted > 0 ? _stepClock.Elapsed / _stepsCounted * Math.Max(0, StepsTotal - _stepsDone) : null;
        progress.Report(new QuantizationProgress(_stage, StageIndex, StageCount, unit, index, count, iteration, iterations, loss, _clock.Elapsed, remaining));
    }
}
