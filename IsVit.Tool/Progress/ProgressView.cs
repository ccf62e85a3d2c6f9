using IsVit.Tool.Terminal;

namespace IsVit.Tool.Progress;

/// <summary>Shows the progress of a piece of work while it runs: a moving bar on a terminal, lines elsewhere.</summary>
internal static class ProgressView
{
    /// <summary>Runs the work and shows what it reports.</summary>
    /// <param name="console">Where to show it.</param>
    /// <param name="title">What the work is.</param>
    /// <param name="work">The work; it reports on any thread.</param>
    /// <param name="format">How.</param>
    /// <returns>What the work returned.</returns>
    public static T Run<T>(ToolConsole console, string title, Func<IProgress<WorkProgress>, T> work, ProgressFormat format = ProgressFormat.Automatic) => format switch
    {
        ProgressFormat.Json => work(new JsonProgress(console.Out, title)),
        ProgressFormat.Automatic when console.IsInteractive => LiveProgress.Run(console.Ansi, title, work),
        _ => work(new PlainProgress(console.Out, title, TimeProvider.System)),
    };
}
