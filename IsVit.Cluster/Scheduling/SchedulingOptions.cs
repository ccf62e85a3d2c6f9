namespace IsVit.Cluster.Scheduling;

/// <summary>When a worker counts as lost, and a job as one that cannot be done.</summary>
public sealed class SchedulingOptions
{
    /// <summary>How long a worker may be silent before its job is given to another.</summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How often it is looked for silent workers.</summary>
    public TimeSpan CheckInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a job is begun without a newly finished unit before it counts as failed.</summary>
    public int MostTries { get; set; } = 3;
}
