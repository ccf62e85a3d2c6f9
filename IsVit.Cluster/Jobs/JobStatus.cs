namespace IsVit.Cluster.Jobs;

/// <summary>What is known of a job.</summary>
[GenerateSerializer]
[Immutable]
[Alias("isvit.JobStatus")]
public sealed record JobStatus
{
    /// <summary>How far it is.</summary>
    [Id(0)]
    public JobState State { get; init; }

    /// <summary>The worker that has or had it last; null if none.</summary>
    [Id(1)]
    public string? Worker { get; init; }

    /// <summary>Where it is; null if it does not run or has not said so yet.</summary>
    [Id(2)]
    public JobProgress? Progress { get; init; }

    /// <summary>How often it was begun.</summary>
    [Id(3)]
    public int Tries { get; init; }

    /// <summary>What went wrong last; null for nothing.</summary>
    [Id(4)]
    public string? Error { get; init; }

    /// <summary>What it came to, once it is done.</summary>
    [Id(5)]
    public JobResult? Result { get; init; }

    /// <summary>How many files of finished units are kept.</summary>
    [Id(6)]
    public int CheckpointCount { get; init; }

    /// <summary>Whether it will not change any more of itself.</summary>
    public bool HasEnded => State is JobState.Done or JobState.Failed or JobState.Cancelled;
}
