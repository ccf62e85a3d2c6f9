using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IsVit.Cluster.Storage;
using IsVit.Cluster.Workers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.Connections.Security;
using Orleans.Storage;

namespace IsVit.Cluster.Hosting;

/// <summary>Makes a host part of a cluster.</summary>
public static class ClusterHosting
{
    // A member that was killed is out after some 15 s. Until then what it held does not answer.
    private const int MissedProbes = 3;
    private static readonly TimeSpan s_probeTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_alivePublished = TimeSpan.FromSeconds(30);

    /// <summary>Makes a silo of the host: it keeps jobs and takes part in the cluster, until a worker is added without running any. Call <see cref="ClusterDatabase.PrepareAsync"/> before the host starts.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="options">The cluster.</param>
    public static ISiloBuilder UseIsVitCluster(this ISiloBuilder silo, ClusterOptions options)
    {
        ArgumentNullException.ThrowIfNull(silo);
        ArgumentNullException.ThrowIfNull(options);
        Add(silo.Services, options);
        silo.Services.AddSingleton(Microsoft.Extensions.Options.Options.Create(options.Scheduling));
        var (port, gateway) = (options.Port == 0 ? FreePort(options.Address) : options.Port, options.GatewayPort == 0 ? FreePort(options.Address) : options.GatewayPort);
        if (options.Database.IsShared)
        {
            silo.UseAdoNetClustering(clustering => (clustering.Invariant, clustering.ConnectionString) = (options.Database.Invariant, options.Database.ConnectionString));
        }
        else
        {
            silo.UseLocalhostClustering(port, gateway);
        }

        silo.Configure<Orleans.Configuration.ClusterOptions>(names => (names.ClusterId, names.ServiceId) = (options.Name, ClusterNames.Service));
        silo.Configure<EndpointOptions>(endpoint =>
        {
            (endpoint.AdvertisedIPAddress, endpoint.SiloPort, endpoint.GatewayPort) = (options.Address, port, gateway);
            endpoint.SiloListeningEndpoint = new IPEndPoint(options.Address, port);
            endpoint.GatewayListeningEndpoint = new IPEndPoint(options.Address, gateway);
        });
        silo.Configure<ClusterMembershipOptions>(static membership => (membership.ProbeTimeout, membership.NumMissedProbesLimit, membership.IAmAliveTablePublishTimeout) = (s_probeTimeout, MissedProbes, s_alivePublished));
        AddStorage(silo, options.Database);
        if (options.Certificate is { } certificate)
        {
            silo.UseTls(certificate, tls => Require(tls, certificate));
        }

        return silo;
    }

    /// <summary>Connects the host to a cluster of other processes, to submit jobs and look at them.</summary>
    /// <param name="client">The client.</param>
    /// <param name="options">The cluster; its database must be one that processes share.</param>
    /// <exception cref="ClusterException">The database is a file.</exception>
    public static IClientBuilder UseIsVitCluster(this IClientBuilder client, ClusterOptions options)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        if (!options.Database.IsShared)
        {
            throw new ClusterException("A cluster whose jobs are kept in a file is within one process; expected a PostgreSQL database.");
        }

        Add(client.Services, options);
        client.UseAdoNetClustering(clustering => (clustering.Invariant, clustering.ConnectionString) = (options.Database.Invariant, options.Database.ConnectionString));
        client.Configure<Orleans.Configuration.ClusterOptions>(names => (names.ClusterId, names.ServiceId) = (options.Name, ClusterNames.Service));
        if (options.Certificate is { } certificate)
        {
            client.UseTls(certificate, tls => Require(tls, certificate));
        }

        return client;
    }

    /// <summary>Has the host, which must be a silo, run jobs.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="options">How many, and where.</param>
    /// <param name="runner">Runs one.</param>
    public static IServiceCollection AddIsVitWorker(this IServiceCollection services, WorkerOptions options, IJobRunner runner)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(runner);
        options.Validate();
        return services.AddSingleton(options).AddSingleton(runner).AddHostedService<JobWorker>();
    }

    private static void AddStorage(ISiloBuilder silo, ClusterDatabase database)
    {
        var name = database.IsShared ? ClusterNames.StorageProvider : ClusterNames.ConcurrentStorage;
        silo.AddAdoNetGrainStorage(name, storage => storage.Configure(kept => (kept.Invariant, kept.ConnectionString, kept.GrainStorageSerializer) = (database.Invariant, database.ConnectionString, new JsonStateSerializer())));
        if (!database.IsShared)
        {
            silo.Services.AddKeyedSingleton<IGrainStorage>(ClusterNames.StorageProvider, (services, _) => new OneAtATimeStorage(services.GetRequiredKeyedService<IGrainStorage>(name)));
        }
    }

    private static void Add(IServiceCollection services, ClusterOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options.Content).AddSingleton<JobClient>();
    }

    // Both sides show the same certificate, and no other is let in, whoever signed it.
    private static void Require(TlsOptions tls, X509Certificate2 certificate)
    {
        var expected = certificate.GetCertHash(HashAlgorithmName.SHA256);
        tls.LocalCertificate = certificate;
        tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        tls.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
        tls.RemoteCertificateValidation = (shown, _, _) => shown is not null && shown.GetCertHash(HashAlgorithmName.SHA256).AsSpan().SequenceEqual(expected);
        tls.OnAuthenticateAsClient = (_, authentication) => authentication.TargetHost = certificate.GetNameInfo(X509NameType.DnsName, forIssuer: false);
    }

    private static int FreePort(IPAddress address)
    {
        using var listener = new TcpListener(address, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
