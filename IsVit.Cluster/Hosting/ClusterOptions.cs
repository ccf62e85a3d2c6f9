using System.Net;
using System.Security.Cryptography.X509Certificates;
using IsVit.Cluster.Content;
using IsVit.Cluster.Scheduling;
using IsVit.Cluster.Storage;

namespace IsVit.Cluster.Hosting;

/// <summary>What a process needs to be part of a cluster.</summary>
public sealed class ClusterOptions
{
    /// <summary>Where members and jobs are kept. The members of a cluster of several processes share it.</summary>
    public required ClusterDatabase Database { get; init; }

    /// <summary>Where files are kept. All members share it.</summary>
    public required IContentStore Content { get; init; }

    /// <summary>The cluster's name: several may share a database.</summary>
    public string Name { get; init; } = "isvit";

    /// <summary>The address that this process listens on, and that others reach it by. The default, this machine alone, keeps others out.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>The port for other members; 0 for a free one.</summary>
    public int Port { get; init; }

    /// <summary>The port for processes that submit jobs; 0 for a free one.</summary>
    public int GatewayPort { get; init; }

    /// <summary>The certificate, with its private key, by which members know each other and encrypt what they say; null for neither. Everyone who can reach a port without one can submit jobs.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>When a worker counts as lost.</summary>
    public SchedulingOptions Scheduling { get; init; } = new();
}
