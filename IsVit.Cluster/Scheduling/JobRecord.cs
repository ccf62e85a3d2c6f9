using IsVit.Cluster.Jobs;

namespace IsVit.Cluster.Scheduling;

/// <summary>What the store keeps of a job.</summary>
internal sealed record JobRecord
{
    /// <summary>The job; null if nobody has submitted it.</summary>
    public JobSpecification? Specification { get; init; }

    /// <summary>How far it is.</summary>
    public JobState State { get; init; }

    /// <summary>The number of the last loan.</summary>
    public int Lease { get; init; }

    /// <summary>Who has or had it.</summary>
    public string? Worker { get; init; }

    /// <summary>How often it was begun.</summary>
    public int Tries { get; init; }

    /// <summary>How often since the last unit was finished.</summary>
    public int TriesWithoutProgress { get; init; }

    /// <summary>What went wrong last.</summary>
    public string? Error { get; init; }

    /// <summary>Files of finished units.</summary>
    public IReadOnlyList<StoredFile> Checkpoint { get; init; } = [];

    /// <summary>What it came to.</summary>
    public JobResult? Result { get; init; }
}
