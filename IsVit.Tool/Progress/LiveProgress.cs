using System.Globalization;
using Spectre.Console;

namespace IsVit.Tool.Progress;

/// <summary>Progress as one moving line: title, stage, unit, loss, bar, remaining time.</summary>
internal sealed class LiveProgress : IProgress<WorkProgress>
{
    private readonly Lock _gate = new();
    private readonly ProgressTask _task;
    private readonly string _title;
    private readonly long _start = TimeProvider.System.GetTimestamp();

    private LiveProgress(ProgressTask task, string title)
    {
        _task = task;
        _title = title;
    }

    /// <summary>Runs the work and shows what it reports.</summary>
    /// <param name="console">A terminal.</param>
    /// <param name="title">What the work is.</param>
    /// <param name="work">The work; it reports on any thread.</param>
    /// <returns>What the work returned.</returns>
    public static T Run<T>(IAnsiConsole console, string title, Func<IProgress<WorkProgress>, T> work) =>
        console.Progress()
            .AutoClear(true)
            .Columns(new SpinnerColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .Start(context => work(new LiveProgress(context.AddTask(Markup.Escape(title), autoStart: true), title)));

    /// <inheritdoc/>
    public void Report(WorkProgress value)
    {
        lock (_gate)
        {
            var loss = value.Loss is { } l ? string.Create(CultureInfo.InvariantCulture, $" loss {l:G4}") : string.Empty;
            var remaining = RemainingTime.Format(value.Remaining ?? RemainingTime.Estimate(TimeProvider.System.GetElapsedTime(_start), value.Done, value.Total));
            _task.MaxValue = Math.Max(1, value.Total);
            _task.Value = value.Done;
            _task.Description = $"{Markup.Escape(_title)} [blue]{Markup.Escape(value.Stage)}[/] {Markup.Escape(value.Unit)}[grey]{loss}, {remaining} left[/]";
        }
    }
}
