namespace IsVit.Cluster.Jobs;

/// <summary>How far a job is.</summary>
public enum JobState
{
    /// <summary>Nobody has submitted it.</summary>
    Unknown,

    /// <summary>It waits for a worker, or for another job.</summary>
    Waiting,

    /// <summary>A worker has it.</summary>
    Running,

    /// <summary>It has ended, and its result is kept.</summary>
    Done,

    /// <summary>It has ended with an error, or was tried too often.</summary>
    Failed,

    /// <summary>It was called off.</summary>
    Cancelled,
}
