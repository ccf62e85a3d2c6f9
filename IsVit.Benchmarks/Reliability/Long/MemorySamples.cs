using TorchSharp;

namespace IsVit.Benchmarks.Reliability.Long;

/// <summary>Live tensors and resident memory over the steps of a long run.</summary>
internal sealed class MemorySamples
{
    private const int Every = 100;

    // Tables, pools and caches fill in the beginning; a process is resident as it has been used.
    private const double WarmUp = 0.2;

    private readonly List<(long Step, long Tensors, long Resident)> _samples = [];
    private long _steps;

    /// <summary>Whether live tensors are counted: the runtime has none.</summary>
    public bool CountsTensors { get; init; } = true;

    /// <summary>Looks, every so many steps.</summary>
    public void Step()
    {
        if (_steps++ % Every == 0)
        {
            _samples.Add((_steps, CountsTensors ? DisposeScopeManager.Statistics.ThreadTotalLiveCount : 0, ResidentMemory.Now));
        }
    }

    /// <summary>A row of the table: steps, tensors first and last, resident memory first and last, and its slope.</summary>
    /// <param name="name">What ran.</param>
    /// <param name="isFlat">Whether nothing grew.</param>
    public string Row(string name, out bool isFlat)
    {
        var later = _samples.Skip((int)(_samples.Count * WarmUp)).ToList();
        var slope = Slope(later);
        var growth = later[^1].Resident - later[0].Resident;

        // Pages come and go; what leaks does so with every step: 10 bytes a step are less than the smallest tensor.
        isFlat = later[^1].Tensors <= later[0].Tensors && (growth < 8 << 20 || slope < 10);
        return FormattableString.Invariant(
            $"| {name} | {_steps} | {later[0].Tensors} / {later[^1].Tensors} | {_samples[0].Resident / 1e6:F1} | {later[0].Resident / 1e6:F1} / {later[^1].Resident / 1e6:F1} | {slope:F0} | {(isFlat ? "flat" : "grows")} |");
    }

    // Of least squares, in bytes a step.
    private static double Slope(List<(long Step, long Tensors, long Resident)> samples)
    {
        var (x, y) = (samples.Average(static sample => (double)sample.Step), samples.Average(static sample => (double)sample.Resident));
        return samples.Sum(sample => (sample.Step - x) * (sample.Resident - y)) / samples.Sum(sample => (sample.Step - x) * (sample.Step - x));
    }
}
