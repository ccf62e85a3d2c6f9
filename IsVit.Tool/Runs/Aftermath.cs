using System.Text.Json.Serialization.Metadata;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Runs;

/// <summary>What is still to be done when a run's result is safe: if a part of it fails, that is told, and the rest is done all the same.</summary>
/// <param name="console">Where failures are told.</param>
internal sealed class Aftermath(ToolConsole console)
{
    /// <summary><see cref="Cli.ExitCode.Success"/>, or what the last part that was not done ended with: <see cref="Cli.ExitCode.Failure"/> or <see cref="Cli.ExitCode.Cancelled"/>.</summary>
    public int ExitCode { get; private set; } = Cli.ExitCode.Success;

    /// <summary>Writes a report, if a file was asked for.</summary>
    /// <param name="path">The file, or null.</param>
    /// <param name="report">The report.</param>
    /// <param name="type">How it is written.</param>
    public void WriteReport<T>(string? path, T report, JsonTypeInfo<T> type)
    {
        if (path is not null)
        {
            Do($"the report cannot be written to {path}", () => JsonFile.Write(path, report, type));
        }
    }

    /// <summary>Does a part.</summary>
    /// <param name="what">What cannot be done if it fails, as <c>the report cannot be written</c>.</param>
    /// <param name="part">The part.</param>
    public void Do(string what, Action part)
    {
        try
        {
            part();
        }
        catch (OperationCanceledException)
        {
            console.Error.WriteLine($"isvit: {what}: cancelled.");
            ExitCode = Cli.ExitCode.Cancelled;
        }
#pragma warning disable CA1031 // Whatever it is, it must not cost the result.
        catch (Exception error)
#pragma warning restore CA1031
        {
            console.Error.WriteLine($"isvit: {what}: {error.Message}");
            ExitCode = Cli.ExitCode.Failure;
        }
    }
}
