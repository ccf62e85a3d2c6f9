using System.Globalization;
using IsVit.Tool.Reporting;
using Spectre.Console;

namespace IsVit.Tool.Progress;

/// <summary>Progress as one moving line: title, stage, unit, loss, bar, remaining time.</summary>
internal sealed class LiveProgress : IProgress<WorkProgress>
{
    // The bar, and what the spinner, the percentage and the gaps take beside it.
    private const int BarWidth = 16;
    private const int Beside = BarWidth + 12;

    private readonly Lock _gate = new();
    private readonly ProgressTask _task;
    private readonly string _title;
    private readonly long _start = TimeProvider.System.GetTimestamp();

    private readonly int _room;

    private LiveProgress(ProgressTask task, string title, int room)
    {
        _task = task;
        _title = title;
        _room = room;
    }

    /// <summary>Runs the work and shows what it reports.</summary>
    /// <param name="console">A terminal.</param>
    /// <param name="title">What the work is.</param>
    /// <param name="work">The work; it reports on any thread.</param>
    /// <returns>What the work returned.</returns>
    public static T Run<T>(IAnsiConsole console, string title, Func<IProgress<WorkProgress>, T> work) =>
        console.Progress()
            .AutoClear(true)
            .Columns(new SpinnerColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = BarWidth }, new PercentageColumn())
            .Start(context => work(new LiveProgress(context.AddTask(Markup.Escape(title), autoStart: true), title, console.Profile.Width - Beside)));

    /// <summary>What is told, in one line: of what there is no room for, the loss goes first, then the title, then the stage, then the middle of the unit.</summary>
    /// <param name="room">The most signs.</param>
    /// <param name="title">What the work is.</param>
    /// <param name="stage">Its part.</param>
    /// <param name="unit">What is worked on.</param>
    /// <param name="loss">The loss; may be empty.</param>
    /// <param name="remaining">The time that is left.</param>
    public static string Line(int room, string title, string stage, string unit, string loss, string remaining)
    {
        string[][] lines = [[title, stage, unit, loss, remaining], [title, stage, unit, remaining], [stage, unit, remaining], [unit, remaining]];
        return lines.Select(static parts => string.Join(' ', parts.Where(static part => part.Length > 0))).FirstOrDefault(line => line.Length <= room)
            ?? $"{ToolTable.Shorten(unit, Math.Max(room - remaining.Length - 1, 3))} {remaining}";
    }

    /// <inheritdoc/>
    public void Report(WorkProgress value)
    {
        lock (_gate)
        {
            var loss = value.Loss is { } l ? string.Create(CultureInfo.InvariantCulture, $"loss {l:G4}") : string.Empty;
            var remaining = RemainingTime.Format(value.Remaining ?? RemainingTime.Estimate(TimeProvider.System.GetElapsedTime(_start), value.Done, value.Total));
            _task.MaxValue = Math.Max(1, value.Total);
            _task.Value = value.Done;
            _task.Description = Markup.Escape(Line(_room, _title, value.Stage, value.Unit, loss, $"{remaining} left"));
        }
    }
}
