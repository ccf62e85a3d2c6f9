using System.CommandLine;
using IsVit.Model;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary>The tool from its arguments to its exit code.</summary>
internal static class ToolApplication
{
    // Long enough for the running step to end and for temporary files to go.
    private static readonly TimeSpan TerminationTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Runs one command. What the user got wrong is one line on standard error and <see cref="ExitCode.UserError"/>.</summary>
    /// <param name="args">The arguments after the program's name.</param>
    /// <param name="console">Where to write.</param>
    /// <param name="cancellationToken">Ends the command as Ctrl+C does.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] args, ToolConsole console, CancellationToken cancellationToken)
    {
        // Who gives nothing wants to know what there is.
        var root = Commands.CreateRoot(console);
        var parsed = root.Parse(args.Length == 0 ? ["--help"] : args);
        try
        {
            parsed = ConfigArguments.Expand(root, args, parsed);
        }
        catch (ToolException error)
        {
            return await FailAsync(console, error.Message);
        }

        if (parsed.Errors.Count > 0)
        {
            var command = parsed.CommandResult.Command;
            var name = command is RootCommand ? "isvit" : $"isvit {command.Name}";
            var message = parsed.UnmatchedTokens.Count > 0
                ? $"'{parsed.UnmatchedTokens[0]}' is no command, option or value that {name} takes here."
                : parsed.Errors[0].Message;
            return await FailAsync(console, $"{message} (see '{name} --help')");
        }

        try
        {
            return await parsed.InvokeAsync(
                new InvocationConfiguration
                {
                    Output = console.Out,
                    Error = console.Error,
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = TerminationTimeout,
                },
                cancellationToken);
        }
        catch (RunInterruptedException error)
        {
            await console.Error.WriteLineAsync($"isvit: cancelled; {error.Message}.");
            return ExitCode.Cancelled;
        }
        catch (OperationCanceledException)
        {
            await console.Error.WriteLineAsync("isvit: cancelled; nothing was saved by the command that was running.");
            return ExitCode.Cancelled;
        }
        catch (Exception error) when (IsUserError(error))
        {
            return await FailAsync(console, error.Message);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            await console.Error.WriteLineAsync("isvit: " + OneLine(error.Message));
            return ExitCode.Failure;
        }
        catch (Exception error)
        {
            await console.Error.WriteLineAsync($"isvit: a defect of this program: {error}");
            return ExitCode.Failure;
        }
    }

    // What the libraries throw at inputs that do not fit; their messages name the thing, the value and what was expected.
    private static bool IsUserError(Exception error) =>
        error is IsVitException or FileNotFoundException or DirectoryNotFoundException;

    private static string OneLine(string message) => string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static async Task<int> FailAsync(ToolConsole console, string message)
    {
        await console.Error.WriteLineAsync("isvit: " + OneLine(message));
        return ExitCode.UserError;
    }
}
