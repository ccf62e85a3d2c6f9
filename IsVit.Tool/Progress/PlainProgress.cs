using System.Globalization;

namespace IsVit.Tool.Progress;

/// <summary>Progress as lines: one when the stage changes, one when the unit does unless the last is fresh, one every few seconds, and one at the end.</summary>
internal sealed class PlainProgress : IProgress<WorkProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan UnitInterval = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly TextWriter _output;
    private readonly string _title;
    private readonly TimeProvider _time;
    private readonly long _start;
    private WorkProgress? _shown;
    private long _shownAt;

    /// <summary>Writes to a writer.</summary>
    /// <param name="output">Receives the lines.</param>
    /// <param name="title">What the work is; begins every line.</param>
    /// <param name="time">The clock.</param>
    public PlainProgress(TextWriter output, string title, TimeProvider time)
    {
        _output = output;
        _title = title;
        _time = time;
        _start = time.GetTimestamp();
    }

    /// <inheritdoc/>
    public void Report(WorkProgress value)
    {
        lock (_gate)
        {
            if (value == _shown || !IsDue(value))
            {
                return;
            }

            _shown = value;
            _shownAt = _time.GetTimestamp();
            _output.WriteLine(Line(value));
        }
    }

    private bool IsDue(WorkProgress value)
    {
        var age = _time.GetElapsedTime(_shownAt);
        return _shown is null
            || _shown.Stage != value.Stage
            || value.Done == value.Total
            || age >= Interval
            || (_shown.Unit != value.Unit && age >= UnitInterval);
    }

    private string Line(WorkProgress value)
    {
        var remaining = RemainingTime.Format(value.Remaining ?? RemainingTime.Estimate(_time.GetElapsedTime(_start), value.Done, value.Total));
        var loss = value.Loss is { } l ? string.Create(CultureInfo.InvariantCulture, $", loss {l:G4}") : string.Empty;
        return string.Create(CultureInfo.InvariantCulture, $"{_title}: {value.Stage}, {value.Unit}, {value.Percent:F1} %{loss}, {remaining} left");
    }
}
