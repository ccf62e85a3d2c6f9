using System.CommandLine;
using IsVit.Cluster.Workers;
using IsVit.Tool.Sweeps;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit worker</c>.</summary>
internal static class WorkerCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var cluster = new ClusterCliOptions(isWorker: true);
        var folder = PathOptions.Required("--folder", "DIR", "The folder on this machine for copies of models and images, and for what jobs write while they run");
        var name = PathOptions.Optional("--name", "NAME", "What the worker is called; the machine's name and the process's number if not given");
        var address = ClusterCliOptions.Address();
        var port = Ranged.Int32("--port", "The port for other workers; 0 for a free one", 0, 0, 65_535);
        var gateway = Ranged.Int32("--gateway-port", "The port for sweeps; 0 for a free one", 0, 0, 65_535);
        var silence = Ranged.Int32("--silence", "Minutes that a job may show no progress before it is stopped and tried again; to score a large model on many images shows none", 120, 1, 1_000_000);
        var command = new Command("worker", "Run jobs of a cluster's sweeps on this machine until stopped.") { folder, name, address, port, gateway, silence };
        foreach (var option in cluster.All)
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellationToken) =>
        {
            var arguments = cluster.Read(parsed)! with { Address = parsed.GetRequiredValue(address), Port = parsed.GetValue(port), GatewayPort = parsed.GetValue(gateway) };
            var worker = new WorkerOptions
            {
                Folder = parsed.GetRequiredValue(folder),
                Threads = parsed.GetValue(cluster.Threads),
                MemoryBytes = cluster.MemoryBytes(parsed),
                Devices = parsed.GetValue(cluster.Devices) ?? [],
                MostSilence = TimeSpan.FromMinutes(parsed.GetValue(silence)),
            };
            worker = parsed.GetValue(name) is { } given ? worker with { Name = given } : worker;
            return Task.Run(() => WorkerRun.RunAsync(console, arguments, worker, cancellationToken), CancellationToken.None);
        });
        return command;
    }
}
