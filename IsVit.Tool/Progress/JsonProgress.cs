using System.Diagnostics;
using System.Text.Json;

namespace IsVit.Tool.Progress;

/// <summary>Progress as lines for a program, some a second: <see cref="ProgressLine"/> as JSON.</summary>
/// <param name="output">Receives the lines.</param>
/// <param name="title">What the work is.</param>
internal sealed class JsonProgress(TextWriter output, string title) : IProgress<WorkProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(0.25);

    private readonly Lock _gate = new();
    private readonly long _start = Stopwatch.GetTimestamp();
    private WorkProgress? _shown;
    private long _shownAt;

    /// <inheritdoc/>
    public void Report(WorkProgress value)
    {
        lock (_gate)
        {
            if (value == _shown || (_shown is not null && _shown.Stage == value.Stage && _shown.Unit == value.Unit && value.Done < value.Total && Stopwatch.GetElapsedTime(_shownAt) < Interval))
            {
                return;
            }

            (_shown, _shownAt) = (value, Stopwatch.GetTimestamp());
            var remaining = value.Remaining ?? RemainingTime.Estimate(Stopwatch.GetElapsedTime(_start), value.Done, value.Total);
            output.WriteLine(JsonSerializer.Serialize(new ProgressLine(title, value.Stage, value.Unit, value.Percent / 100, value.Loss, remaining?.TotalSeconds), ProgressLineContext.Default.ProgressLine));
            output.Flush();
        }
    }
}
