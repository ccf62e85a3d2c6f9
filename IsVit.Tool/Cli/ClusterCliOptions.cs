using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IsVit.Cluster.Content;
using IsVit.Cluster.S3;
using IsVit.Cluster.Workers;
using IsVit.Tool.Sweeps;

namespace IsVit.Tool.Cli;

/// <summary>Options for a cluster of machines, which <c>isvit sweep</c> and <c>isvit worker</c> share.</summary>
internal sealed class ClusterCliOptions
{
    /// <summary>Where the connection string may stand instead: a command line is for all users of a machine to read.</summary>
    public const string DatabaseVariable = "ISVIT_CLUSTER";

    /// <summary>Where the password of the certificate's file stands.</summary>
    public const string PasswordVariable = "ISVIT_CERTIFICATE_PASSWORD";

    private const string StoreForm = "s3://BUCKET/PREFIX";
    private const double BytesPerGigabyte = 1e9;
    private readonly bool _isWorker;

    /// <summary>Makes the options.</summary>
    /// <param name="isWorker">Whether the cluster must be named.</param>
    public ClusterCliOptions(bool isWorker)
    {
        _isWorker = isWorker;
        Database = PathOptions.Optional("--cluster", "CONNECTION", $"The PostgreSQL database of the cluster, as a connection string or a file with it, such as Host=db;Database=isvit;Username=isvit; the variable {DatabaseVariable} if not given{(isWorker ? "" : ", and this machine alone without either")}");
        Store = PathOptions.Optional("--store", "DIR", $"With a cluster: the folder that all its machines see, or {StoreForm} in S3, for models, images and results");
        StoreEndpoint = PathOptions.Optional("--store-endpoint", "URL", $"With a store in S3: the address of a server other than Amazon's, such as https://minio:9000; credentials and region are those that the AWS SDK finds, such as the variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION");
        Name = PathOptions.Default("--cluster-name", "NAME", "With a cluster: its name, for several share a database", "isvit");
        Certificate = PathOptions.Optional("--certificate", "FILE", $"With a cluster: the PKCS #12 file of the certificate that all its members show, so that they speak to no others and in secret; its password is in the variable {PasswordVariable}");
        Lease = Ranged.Int32("--lease", "With a cluster: seconds that a worker may be silent before its jobs are given to others; the same for all workers", 60, 1, 86_400);
        Threads = Ranged.Int32("--threads", isWorker ? "Processors that jobs may compute on" : "Without a cluster: processors that runs may compute on", Environment.ProcessorCount, 1, 4096);
        Memory = Ranged.OptionalDouble("--memory", "Gigabytes that jobs may take; this machine's if not given", 0.1, 100_000);
        Devices = new Option<string[]>("--devices") { Description = "GPUs, such as cuda:0,cuda:1, each for one job at a time", HelpName = "NAME,NAME", CustomParser = ParseDevices };
    }

    /// <summary>The database.</summary>
    public Option<string?> Database { get; }

    /// <summary>The content store.</summary>
    public Option<string?> Store { get; }

    /// <summary>The server of a store in S3.</summary>
    public Option<string?> StoreEndpoint { get; }

    /// <summary>The cluster's name.</summary>
    public Option<string> Name { get; }

    /// <summary>The members' certificate.</summary>
    public Option<string?> Certificate { get; }

    /// <summary>How long a worker may be silent.</summary>
    public Option<int> Lease { get; }

    /// <summary>Processors for jobs.</summary>
    public Option<int> Threads { get; }

    /// <summary>Memory for jobs.</summary>
    public Option<double?> Memory { get; }

    /// <summary>Devices for jobs.</summary>
    public Option<string[]> Devices { get; }

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [Database, Store, StoreEndpoint, Name, Certificate, .. _isWorker ? [Lease] : Array.Empty<Option>(), Threads, Memory, Devices];

    /// <summary>The cluster that was named; null for none.</summary>
    /// <param name="parsed">What was given.</param>
    /// <exception cref="ToolException">A part is missing or cannot be read.</exception>
    public ClusterArguments? Read(ParseResult parsed)
    {
        var database = parsed.GetValue(Database) ?? (Environment.GetEnvironmentVariable(DatabaseVariable) is { Length: > 0 } variable ? variable : null);
        if (database is null)
        {
            if (_isWorker)
            {
                throw new ToolException($"--cluster is not given, and the variable {DatabaseVariable} is empty; expected the connection string of the cluster's database.");
            }

            parsed.Refuse(Store, "--store is for a cluster: give --cluster as well.");
            parsed.Refuse(StoreEndpoint, "--store-endpoint is for a cluster: give --cluster as well.");
            parsed.Refuse(Certificate, "--certificate is for a cluster: give --cluster as well.");
            return null;
        }

        var store = parsed.GetValue(Store) ?? throw new ToolException($"--store is not given; expected the folder that all machines of the cluster see, or {StoreForm}.");
        return new ClusterArguments
        {
            Database = File.Exists(database) ? File.ReadAllText(database).Trim() : database,
            Store = OpenStore(store, parsed.GetValue(StoreEndpoint)),
            Name = parsed.GetRequiredValue(Name),
            Certificate = ReadCertificate(parsed.GetValue(Certificate)),
            Lease = _isWorker ? TimeSpan.FromSeconds(parsed.GetValue(Lease)) : null,
        };
    }

    /// <summary>The memory that was given, or this machine's, in bytes.</summary>
    /// <param name="parsed">What was given.</param>
    public long MemoryBytes(ParseResult parsed) => parsed.GetValue(Memory) is { } gigabytes ? (long)(gigabytes * BytesPerGigabyte) : new WorkerOptions { Folder = "." }.MemoryBytes;

    /// <summary>An address of this machine.</summary>
    public static Option<IPAddress> Address() => new("--address")
    {
        Description = "The address that this worker listens on and that others reach it by; with the default only this machine does",
        HelpName = "IP",
        DefaultValueFactory = static _ => IPAddress.Loopback,
        CustomParser = static result =>
        {
            var text = ArgumentText.Of(result);
            if (IPAddress.TryParse(text, out var address) && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any))
            {
                return address;
            }

            result.AddError($"--address is '{text}'; expected the address that other machines reach this one by, such as 10.0.0.5.");
            return null;
        },
    };

    private static string[]? ParseDevices(ArgumentResult result)
    {
        var names = ArgumentText.Of(result).Split(',');
        if (names.FirstOrDefault(static name => !name.StartsWith("cuda:", StringComparison.Ordinal) || !int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out _)) is { } wrong)
        {
            result.AddError($"--devices has '{wrong}'; expected names such as cuda:0.");
        }

        return names;
    }

    private static IContentStore OpenStore(string store, string? endpoint)
    {
        // Neither is repeated where it may hold a password.
        if (store.StartsWith("s3:", StringComparison.OrdinalIgnoreCase))
        {
            return new S3ContentStore(S3StoreOptions.Parse(store) with { Endpoint = endpoint is null ? null : Uri.TryCreate(endpoint, UriKind.Absolute, out var server) ? server : throw new ToolException("--store-endpoint is no URL; expected the address of a server, such as https://minio:9000.") });
        }

        if (store.IndexOf("://", StringComparison.Ordinal) is > 0 and var scheme)
        {
            throw new ToolException($"--store begins with '{store[..scheme]}://'; expected a folder or {StoreForm}.");
        }

        return endpoint is null ? new FolderContentStore(store) : throw new ToolException($"--store-endpoint is for a store in S3: give --store {StoreForm} as well.");
    }

    private static X509Certificate2? ReadCertificate(string? path)
    {
        if (path is null)
        {
            return null;
        }

        try
        {
            var certificate = X509CertificateLoader.LoadPkcs12FromFile(path, Environment.GetEnvironmentVariable(PasswordVariable));
            return certificate.HasPrivateKey ? certificate : throw new ToolException($"{path}: has no private key.");
        }
        catch (CryptographicException error)
        {
            throw new ToolException($"{path}: cannot be read as PKCS #12 with the password in {PasswordVariable}: {error.Message}", error);
        }
    }
}
