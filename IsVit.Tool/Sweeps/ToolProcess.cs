using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using IsVit.Tool.Progress;

namespace IsVit.Tool.Sweeps;

/// <summary>This program once more, as a process of its own: what goes wrong in it, in native code too, ends it alone.</summary>
internal static class ToolProcess
{
    private const int KeptLines = 20;

    // For the step that runs to end.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>Runs it to its end. It ends when this process does, however that happens.</summary>
    /// <param name="arguments">What would be typed behind the program's name.</param>
    /// <param name="threads">The threads that it computes on.</param>
    /// <param name="progress">Receives the lines of <c>--progress json</c>.</param>
    /// <param name="cancellationToken">Ends it: first by the end of its input, then by force.</param>
    /// <returns>The exit code and the last lines of its error stream.</returns>
    public static async Task<(int ExitCode, string Error)> RunAsync(IEnumerable<string> arguments, int threads, IProgress<ProgressLine>? progress, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var start = new ProcessStartInfo { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        var (program, first) = Program();
        start.FileName = program;
        foreach (var argument in first.Concat(arguments))
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["OMP_NUM_THREADS"] = start.Environment["MKL_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        using var process = Process.Start(start)!;
        var errors = new Queue<string>();
        var reading = Task.WhenAll(
            EachLineAsync(process.StandardOutput, line => Report(line, progress)),
            EachLineAsync(process.StandardError, line =>
            {
                errors.Enqueue(line);
                if (errors.Count > KeptLines)
                {
                    errors.Dequeue();
                }
            }));
        try
        {
            await process.WaitForExitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            process.StandardInput.Close();
            using var limit = new CancellationTokenSource(Patience);
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(CancellationToken.None);
            }

            throw;
        }

        await reading;
        return (process.ExitCode, string.Join('\n', errors));
    }

    /// <summary>What starts this program as it was itself started: its own file, or the runtime with its assembly and the frameworks and packages of this process. The arguments come first.</summary>
    public static (string Program, string[] First) Program()
    {
        var assembly = typeof(ToolProcess).Assembly.Location;
        var own = Path.ChangeExtension(assembly, OperatingSystem.IsWindows() ? "exe" : null);
        if (Environment.ProcessPath == own)
        {
            return (own, []);
        }

        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
        var packages = ((string)AppContext.GetData("APP_CONTEXT_DEPS_FILES")!).Split(';')[0];
        return (dotnet, ["exec", "--runtimeconfig", packages.Replace(".deps.json", ".runtimeconfig.json", StringComparison.Ordinal), "--depsfile", packages, assembly]);
    }

    private static async Task EachLineAsync(StreamReader reader, Action<string> take)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            take(line);
        }
    }

    private static void Report(string line, IProgress<ProgressLine>? progress)
    {
        if (progress is null || !line.StartsWith("{\"progress\"", StringComparison.Ordinal))
        {
            return;
        }

        try
        {
            if (JsonSerializer.Deserialize(line, ProgressLineContext.Default.ProgressLine) is { } value)
            {
                progress.Report(value);
            }
        }
        catch (JsonException)
        {
            // A line that was cut off when the process ended.
        }
    }
}
