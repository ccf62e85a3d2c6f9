using IsVit.Cluster.Content;
using IsVit.Cluster.Hosting;
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

    /// <summary>The cluster that arguments name.</summary>
    /// <param name="arguments">The arguments.</param>
    public static ClusterOptions Options(ClusterArguments arguments) => new()
    {
        Database = ClusterDatabase.PostgreSql(arguments.Database),
        Content = new FolderContentStore(arguments.Store),
        Name = arguments.Name,
        Address = arguments.Address,
        Port = arguments.Port,
        GatewayPort = arguments.GatewayPort,
        Certificate = arguments.Certificate,
        Scheduling = arguments.Lease is { } lease ? new() { LeaseDuration = lease } : new(),
    };

    // The tool's own token ends the host.
    private sealed class ToolLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
