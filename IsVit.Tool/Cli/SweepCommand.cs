using System.CommandLine;
using IsVit.Tool.Sweeps;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit sweep</c>.</summary>
internal static class SweepCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var file = new Argument<string>("FILE") { Description = "The sweep, .yaml or .json: options of 'isvit quantize', and the lists models, bits, methods, seeds and overrides, of which every combination is a run" };
        var output = PathOptions.Required("--output", "DIR", "The folder for results; what is done there is not done again");
        var dryRun = new Option<bool>("--dry-run") { Description = "Say which runs there are and what they would take, and begin none" };
        var noEstimate = new Option<bool>("--no-estimate") { Description = "Do not measure what the runs will take" };
        var cancel = new Option<bool>("--cancel") { Description = "Call off the runs of this sweep that have not ended, wherever they are" };
        var cluster = new ClusterCliOptions(isWorker: false);
        var command = new Command("sweep", "Quantize with every combination of models, bits, methods and seeds, on this machine or on many.") { file, output, dryRun, noEstimate, cancel };
        foreach (var option in cluster.All)
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellationToken) =>
        {
            var arguments = new SweepArguments
            {
                File = parsed.GetRequiredValue(file),
                Output = parsed.GetRequiredValue(output),
                DryRun = parsed.GetValue(dryRun),
                NoEstimate = parsed.GetValue(noEstimate) || parsed.GetValue(cancel),
                Cancel = parsed.GetValue(cancel),
                Threads = parsed.GetValue(cluster.Threads),
                MemoryBytes = cluster.MemoryBytes(parsed),
                Devices = parsed.GetValue(cluster.Devices) ?? [],
                Cluster = cluster.Read(parsed),
            };
            return Task.Run(() => SweepRun.RunAsync(console, arguments, path => Check(console, path), cancellationToken), CancellationToken.None);
        });
        return command;
    }

    // What is wrong with a run is said before the first begins.
    private static void Check(ToolConsole console, string path)
    {
        var root = Commands.CreateRoot(console);
        string[] args = ["quantize", "--config", path];
        if (ConfigArguments.Expand(root, args, root.Parse(args)).Errors is [var error, ..])
        {
            throw new ToolException($"{path}: {error.Message}");
        }
    }
}
