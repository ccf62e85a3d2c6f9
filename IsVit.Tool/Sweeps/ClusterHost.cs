using IsVit.Cluster.Hosting;
using IsVit.Cluster.S3;
using IsVit.Cluster.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace IsVit.Tool.Sweeps;

/// <summary>The process as part of a cluster.</summary>
internal static class ClusterHost
{
    /// <summary>A host that writes only what somebody should act on, to the error stream, and leaves Ctrl+C to the tool.</summary>
    public static HostApplicationBuilder Builder()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddFilter("Orleans", LogLevel.Error);
        builder.Logging.AddSimpleConsole(static format => format.SingleLine = true);
        builder.Logging.AddConsole(static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.AddSingleton<IHostLifetime, ToolLifetime>();
        return builder;
    }

    /// <summary>The cluster that arguments name. A bucket is asked for first: a worker that has no access would fail one job after the other.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="cancellationToken">Stops asking.</param>
    public static async Task<ClusterOptions> OptionsAsync(ClusterArguments arguments, CancellationToken cancellationToken)
    {
        if (arguments.Store is S3ContentStore bucket)
        {
            await bucket.CheckAsync(cancellationToken);
        }

        return new()
        {
            Database = ClusterDatabase.PostgreSql(arguments.Database),
            Content = arguments.Store,
            Name = arguments.Name,
            Address = arguments.Address,
            Port = arguments.Port,
            GatewayPort = arguments.GatewayPort,
            Certificate = arguments.Certificate,
            Scheduling = arguments.Lease is { } lease ? new() { LeaseDuration = lease } : new(),
        };
    }

    // The tool's own token ends the host.
    private sealed class ToolLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
