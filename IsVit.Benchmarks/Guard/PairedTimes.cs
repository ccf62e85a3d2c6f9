using System.Diagnostics;

namespace IsVit.Benchmarks.Guard;

/// <summary>Times of two ways of doing something, taken in turns: what else the machine does meets both.</summary>
internal sealed class PairedTimes(GuardPair pair)
{
    // A time of less than this is measured over several runs.
    private const double ShortestMilliseconds = 10;
    private readonly List<(double Baseline, double Subject)> _times = [];
    private int _baselineRuns = 1;
    private int _subjectRuns = 1;

    /// <summary>The number of pairs taken.</summary>
    public int Count => _times.Count;

    /// <summary>The baseline's median, in milliseconds.</summary>
    public double Baseline => Median(_times.Select(static time => time.Baseline));

    /// <summary>The subject's median, in milliseconds.</summary>
    public double Subject => Median(_times.Select(static time => time.Subject));

    /// <summary>Lets the code be compiled and the caches fill, and finds out how many runs make a time.</summary>
    public void WarmUp()
    {
        for (var round = 0; round < 2; round++)
        {
            _baselineRuns = Runs(Time(pair.Baseline, 1));
            _subjectRuns = Runs(Time(pair.Subject, 1));
        }
    }

    /// <summary>Takes pairs.</summary>
    public void Take(int pairs)
    {
        for (var i = 0; i < pairs; i++)
        {
            _times.Add((Time(pair.Baseline, _baselineRuns), Time(pair.Subject, _subjectRuns)));
        }
    }

    /// <summary>The median of the pairs' ratios.</summary>
    public double Ratio(Threshold threshold) => Median(_times.Select(time => threshold.Ratio(time.Baseline, time.Subject)));

    private static int Runs(double milliseconds) => milliseconds >= ShortestMilliseconds ? 1 : (int)Math.Ceiling(ShortestMilliseconds / Math.Max(milliseconds, 0.01));

    private static double Time(Action action, int runs)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < runs; i++)
        {
            action();
        }

        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / runs;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}
