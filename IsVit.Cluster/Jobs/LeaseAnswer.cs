namespace IsVit.Cluster.Jobs;

/// <summary>What a worker hears when it says that it still works on a job.</summary>
public enum LeaseAnswer
{
    /// <summary>Go on.</summary>
    Continue,

    /// <summary>Another worker has the job now, or it has ended: stop.</summary>
    Lost,

    /// <summary>The job was called off: stop.</summary>
    Cancelled,
}
