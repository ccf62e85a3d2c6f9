namespace IsVit.Optimization.Reporting;

/// <summary>Passes on a run's reports no more often than can be looked at: the first, one in each interval, and the last. Shows are called on the thread of the run, one after the other.</summary>
/// <remarks>In .NET Interactive, <c>new PacedProgress(display(HTML("")).Update)</c> is a progress bar.</remarks>
public sealed class PacedProgress : IProgress<QuantizationProgress>
{
    private readonly Action<QuantizationProgress> _show;
    private readonly TimeSpan _interval;
    private readonly TimeProvider _time;
    private long? _shown;

    /// <summary>Creates the progress.</summary>
    /// <param name="show">Shows a report.</param>
    /// <param name="interval">The time between two reports, not negative; null for a quarter of a second.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <exception cref="ArgumentOutOfRangeException">The interval is negative.</exception>
    public PacedProgress(Action<QuantizationProgress> show, TimeSpan? interval = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(show);
        _interval = interval ?? TimeSpan.FromMilliseconds(250);
        ArgumentOutOfRangeException.ThrowIfLessThan(_interval, TimeSpan.Zero, nameof(interval));
        _show = show;
        _time = time ?? TimeProvider.System;
    }

    /// <inheritdoc/>
    public void Report(QuantizationProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (_shown is not { } shown || value.Share >= 1 || _time.GetElapsedTime(shown) >= _interval)
        {
            _shown = _time.GetTimestamp();
            _show(value);
        }
    }
}
