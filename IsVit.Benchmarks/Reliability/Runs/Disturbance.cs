namespace IsVit.Benchmarks.Reliability.Runs;

/// <summary>Something that happens to a run, and how it is undone before the run is done again.</summary>
/// <param name="Name">What it is.</param>
/// <param name="ExitCodes">What the process may return; 0 besides, if it had ended or needed nothing of what was taken.</param>
/// <param name="Disturb">Does it.</param>
/// <param name="Undo">Undoes it.</param>
internal sealed record Disturbance(string Name, int[] ExitCodes, Action<ToolRun, string> Disturb, Action<string> Undo)
{
    /// <summary>Makes the folder that a run writes into; the folder's parent is given.</summary>
    public Func<string, Random, bool> Prepare { get; init; } = static (_, _) => true;

    /// <summary>What starts the run.</summary>
    public string[] Limiter { get; init; } = [];


    /// <summary>Removes what <see cref="Prepare"/> made.</summary>
    public Action<string> CleanUp { get; init; } = static _ => { };
}
