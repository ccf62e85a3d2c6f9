using Spectre.Console;

namespace IsVit.Tool.Terminal;

/// <summary>Where the tool writes: results and progress to <see cref="Out"/>, errors to <see cref="Error"/>.</summary>
internal sealed class ToolConsole
{
    private const int PlainWidth = 200;

    /// <summary>Writes to the given writers.</summary>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    /// <param name="isInteractive">Whether standard output is a terminal: progress moves, tables have colours.</param>
    public ToolConsole(TextWriter output, TextWriter error, bool isInteractive)
    {
        Out = output;
        Error = error;
        IsInteractive = isInteractive;
        Ansi = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = isInteractive ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isInteractive ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isInteractive ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new AnsiConsoleOutput(output),
        });
        if (!isInteractive)
        {
            // A file has no width of its own, and lines must not be folded at a guess.
            Ansi.Profile.Width = PlainWidth;
        }
    }

    /// <summary>Standard output.</summary>
    public TextWriter Out { get; }

    /// <summary>Standard error.</summary>
    public TextWriter Error { get; }

    /// <summary>Whether standard output is a terminal.</summary>
    public bool IsInteractive { get; }

    /// <summary>Standard output for tables and live progress.</summary>
    public IAnsiConsole Ansi { get; }

    /// <summary>Writes a warning to the error stream.</summary>
    /// <param name="text">What the user should know.</param>
    public void Warn(string text) => Error.WriteLine($"isvit: warning: {text}");

    /// <summary>The process's own streams.</summary>
    public static ToolConsole ForProcess() => new(Console.Out, Console.Error, isInteractive: !Console.IsOutputRedirected);
}
