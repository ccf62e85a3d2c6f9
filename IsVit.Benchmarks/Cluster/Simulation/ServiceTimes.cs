namespace IsVit.Benchmarks.Cluster.Simulation;

/// <summary>What calls and writes take, in seconds.</summary>
internal sealed record ServiceTimes
{
    /// <summary>A call to another process and its answer, without what is done for it.</summary>
    public required double Call { get; init; }

    /// <summary>The scheduler's own time for a call.</summary>
    public required double SchedulerCall { get; init; }

    /// <summary>The scheduler's own time for a waiting job that it looks at and that does not fit.</summary>
    public double ScannedJob { get; init; }

    /// <summary>The scheduler's own time to look after one running job in a round.</summary>
    public required double CheckedJob { get; init; }

    /// <summary>From the begin of a state's write to its end when nothing else is written.</summary>
    public required double WriteLatency { get; init; }

    /// <summary>What the database is occupied by a write when many are written: one over the most writes a second.</summary>
    public required double WriteOccupation { get; init; }

    /// <summary>What writing the queue takes for each job in it, beyond any write.</summary>
    public required double QueuedJob { get; init; }

    /// <summary>What the content store moves in a second, for all workers together.</summary>
    public required double ContentBytesPerSecond { get; init; }

    /// <summary>What a worker reads, hashes and writes in a second, beside the time of the store.</summary>
    public double WorkerBytesPerSecond { get; init; } = double.PositiveInfinity;

    /// <summary>Until a killed process counts as out of the cluster, and its scheduler, if it had it, is begun anew elsewhere.</summary>
    public double MemberDetection { get; init; } = 15;
}
