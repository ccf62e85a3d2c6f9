using IsVit.Cluster.Jobs;

namespace IsVit.Cluster.Workers;

/// <summary>A job on a worker.</summary>
public sealed record JobRun
{
    /// <summary>The job.</summary>
    public required JobSpecification Specification { get; init; }

    /// <summary>Paths of the copies of its inputs, by the names of the options that take them.</summary>
    public required IReadOnlyDictionary<string, string> Inputs { get; init; }

    /// <summary>A folder of its own for what it writes, which goes when it has ended.</summary>
    public required string Folder { get; init; }

    /// <summary>The folder for finished units, as files that appear whole. What lies there at the beginning is from earlier tries; what appears is kept for later ones.</summary>
    public required string CheckpointFolder { get; init; }

    /// <summary>The device that it has for itself; null for none.</summary>
    public string? Device { get; init; }

    /// <summary>Receives where it is.</summary>
    public required IProgress<JobProgress> Progress { get; init; }
}
