using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace IsVit.Cluster.Jobs;

/// <summary>
/// A run as data: which options, which files by their hashes, which share of its units. Two specifications with the same content are the same job, whoever submits them and whenever.
/// </summary>
[GenerateSerializer]
[Immutable]
[Alias("isvit.JobSpecification")]
public sealed record JobSpecification
{
    /// <summary>The version that this library writes, and the only one that it runs.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The version of this description.</summary>
    [Id(0)]
    public int Version { get; init; } = CurrentVersion;

    /// <summary>The version of the program that is to run it: another version may compute other bits.</summary>
    [Id(1)]
    public required string Program { get; init; }

    /// <summary>Options by name, as a worker's runner knows them; none of them is a path.</summary>
    [Id(2)]
    public required IReadOnlyDictionary<string, string> Options { get; init; }

    /// <summary>Files and folders by the name of the option that takes them.</summary>
    [Id(3)]
    public required IReadOnlyDictionary<string, JobInput> Inputs { get; init; }

    /// <summary>How many threads it computes on.</summary>
    [Id(4)]
    public int Threads { get; init; } = 1;

    /// <summary>Whether it needs a device of its own.</summary>
    [Id(5)]
    public bool NeedsDevice { get; init; }

    /// <summary>The share of its units that it computes ahead of the whole run; null for the whole run.</summary>
    [Id(6)]
    public UnitShare? Share { get; init; }

    /// <summary>Jobs that must have ended before; what they computed of this job's units is where it begins.</summary>
    [Id(7)]
    public IReadOnlyList<string> After { get; init; } = [];

    /// <summary>The memory that it is expected to take, in bytes; 0 if that is not known. No part of the job's identity.</summary>
    [Id(8)]
    public long MemoryBytes { get; init; }

    /// <summary>The time that it is expected to take, in seconds; 0 if that is not known. No part of the job's identity.</summary>
    [Id(9)]
    public double ExpectedSeconds { get; init; }

    /// <summary>The job's identity: the SHA-256 of everything that its result depends on, in hexadecimal digits.</summary>
    public string Hash()
    {
        var text = new StringBuilder();
        void Add(string name, string value) => text.Append(CultureInfo.InvariantCulture, $"{name.Length} {name} {value.Length} {value}\n");
        Add("version", Version.ToString(CultureInfo.InvariantCulture));
        Add("program", Program);
        Add("threads", Threads.ToString(CultureInfo.InvariantCulture));
        Add("device", NeedsDevice ? "yes" : "no");
        Add("share", Share?.ToString() ?? "");
        foreach (var (name, value) in Options.OrderBy(static option => option.Key, StringComparer.Ordinal))
        {
            Add($"option {name}", value);
        }

        foreach (var (name, input) in Inputs.OrderBy(static input => input.Key, StringComparer.Ordinal))
        {
            Add($"input {name}", $"{input.Name} {input.Hash} {(input.IsFolder ? "folder" : "file")}");
        }

        foreach (var job in After)
        {
            Add("after", job);
        }

        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))).ToLowerInvariant();
    }
}
