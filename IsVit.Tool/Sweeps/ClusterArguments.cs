using System.Net;
using System.Security.Cryptography.X509Certificates;
using IsVit.Cluster.Content;

namespace IsVit.Tool.Sweeps;

/// <summary>How a cluster of several processes is reached.</summary>
internal sealed record ClusterArguments
{
    /// <summary>The connection string of its PostgreSQL database.</summary>
    public required string Database { get; init; }

    /// <summary>Its content store.</summary>
    public required IContentStore Store { get; init; }

    /// <summary>Its name.</summary>
    public string Name { get; init; } = "isvit";

    /// <summary>The certificate of its members; null for none.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>How long a worker may be silent; null for the default.</summary>
    public TimeSpan? Lease { get; init; }

    /// <summary>The address that a worker listens on.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>The port for other members; 0 for a free one.</summary>
    public int Port { get; init; }

    /// <summary>The port for sweeps; 0 for a free one.</summary>
    public int GatewayPort { get; init; }
}
