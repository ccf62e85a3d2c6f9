using System.Globalization;
using IsVit.Cluster.Hosting;
using IsVit.Cluster.Workers;
using IsVit.Tool.Terminal;
using Microsoft.Extensions.Hosting;

namespace IsVit.Tool.Sweeps;

/// <summary><c>isvit worker</c>: lends this machine to a cluster until it is stopped.</summary>
internal static class WorkerRun
{
    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="cluster">The cluster.</param>
    /// <param name="worker">What the machine has.</param>
    /// <param name="cancellationToken">Stops it; its jobs go back.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(ToolConsole console, ClusterArguments cluster, WorkerOptions worker, CancellationToken cancellationToken)
    {
        var options = await ClusterHost.OptionsAsync(cluster, cancellationToken);
        await options.Database.PrepareAsync(cancellationToken);
        var builder = ClusterHost.Builder();
        builder.UseOrleans(silo => silo.UseIsVitCluster(options));
        builder.Services.AddIsVitWorker(worker, new QuantizeJobRunner());
        using var host = builder.Build();
        await host.StartAsync(cancellationToken);
        console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"worker {worker.Name} of cluster {cluster.Name}: {worker.Threads} threads, {worker.MemoryBytes / 1e9:F1} GB, {worker.Devices.Count} devices, at {cluster.Address}"));
        await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        console.Out.WriteLine($"worker {worker.Name}: gives its jobs back");
        await host.StopAsync(CancellationToken.None);
        return 0;
    }
}
