using System.Globalization;
using IsVit.Cluster.Jobs;
using IsVit.Tool.Progress;
using IsVit.Tool.Terminal;
using Spectre.Console;

namespace IsVit.Tool.Sweeps;

/// <summary>Shows how the runs of a sweep stand: a table that moves on a terminal, lines elsewhere.</summary>
/// <param name="console">Where to.</param>
/// <param name="runs">The runs.</param>
internal sealed class SweepView(ToolConsole console, IReadOnlyList<RunState> runs)
{
    private const int MostRows = 24;

    private readonly Dictionary<RunState, (JobState State, int Tries)> _told = [];

    /// <summary>Shows the runs until the work has ended.</summary>
    /// <param name="watch">The work: it is given what to call after each look at the jobs.</param>
    public Task RunAsync(Func<Action<IReadOnlyList<WorkerOffer>>, Task> watch) => console.IsInteractive
        ? console.Ansi.Live(new Text("")).AutoClear(true).StartAsync(context => watch(workers => context.UpdateTarget(Table(workers))))
        : watch(workers => Tell());

    /// <summary>What is left, in words.</summary>
    /// <param name="slots">How many runs go on at the same time.</param>
    public string Left(int slots)
    {
        var seconds = runs.Sum(static run => run.RemainingSeconds);
        return seconds > 0 && slots > 0 ? RemainingTime.Format(TimeSpan.FromSeconds(seconds / slots)) : RemainingTime.Format(null);
    }

    private int Slots(IReadOnlyList<WorkerOffer> workers)
    {
        var threads = Math.Max(1, runs[0].Jobs[0].Job.Threads);
        return runs.Sum(static run => run.Statuses.Count(static status => status.State == JobState.Running)) + workers.Sum(worker => worker.Threads / threads);
    }

    private Table Table(IReadOnlyList<WorkerOffer> workers)
    {
        var ended = runs.Count(static run => run.Last.HasEnded);
        var table = new Table().Title(string.Create(CultureInfo.InvariantCulture, $"{ended} of {runs.Count} runs, {runs.Count(static run => run.State == JobState.Running)} running, {Left(Slots(workers))} left"))
            .AddColumns("run", "state", "done", "left", "where");
        foreach (var run in runs.OrderBy(static run => run.State switch { JobState.Running => 0, JobState.Failed => 1, JobState.Waiting => 2, _ => 3 }).Take(MostRows))
        {
            var progress = run.Statuses.Select(static status => status.Progress).LastOrDefault(static progress => progress is not null);
            table.AddRow(
                Markup.Escape(run.Plan.Name),
                Word(run),
                string.Create(CultureInfo.InvariantCulture, $"{100 * run.Fraction:F0} %"),
                run.State == JobState.Running ? RemainingTime.Format(TimeSpan.FromSeconds(run.RemainingSeconds)) : "",
                Markup.Escape(run.State == JobState.Running ? $"{progress?.Stage} {progress?.Unit} on {string.Join(", ", run.Statuses.Where(static status => status.State == JobState.Running).Select(static status => status.Worker).Distinct())}" : run.Last.Error ?? ""));
        }

        if (runs.Count > MostRows)
        {
            table.Caption(string.Create(CultureInfo.InvariantCulture, $"and {runs.Count - MostRows} more"));
        }

        return table;
    }

    private void Tell()
    {
        foreach (var run in runs)
        {
            var now = (run.State, run.Statuses.Sum(static status => status.Tries));
            if (_told.TryGetValue(run, out var told) && told == now)
            {
                continue;
            }

            _told[run] = now;
            if (run.State != JobState.Waiting)
            {
                var ended = runs.Count(static other => other.Last.HasEnded);
                console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{run.Plan.Name}: {Word(run)}{(run.State == JobState.Running ? $" on {run.Statuses.Last(static status => status.State == JobState.Running).Worker}" : "")}{(run.Last.Error is { } error ? $": {error.ReplaceLineEndings(" ")}" : "")} ({ended} of {runs.Count} ended)"));
            }
        }
    }

    private static string Word(RunState run) => run.State switch
    {
        JobState.Done when run.WasDone => "done before",
        JobState.Done => "done",
        JobState.Failed => "failed",
        JobState.Cancelled => "called off",
        JobState.Running when run.Statuses.Any(static status => status.Tries > 1) => string.Create(CultureInfo.InvariantCulture, $"running, try {run.Statuses.Max(static status => status.Tries)}"),
        JobState.Running => "running",
        _ => "waiting",
    };
}
