namespace IsVit.Benchmarks.Cluster.Simulation;

/// <summary>What came of a simulation. Times are in seconds.</summary>
internal sealed record SimulationResult
{
    /// <summary>Until the last job had ended.</summary>
    public required double Makespan { get; init; }

    /// <summary>No cluster of as many workers is done before: the work over the workers, or the longest job.</summary>
    public required double LowerBound { get; init; }

    /// <summary>Until the last waiting job was begun.</summary>
    public required double SteadySeconds { get; init; }

    /// <summary>The time of jobs that were done, each counted once, over the time of all workers.</summary>
    public required double Utilization { get; init; }

    /// <summary>The share of workers' time in which they computed, while jobs waited.</summary>
    public required double SteadyUtilization { get; init; }

    /// <summary>From the moment at which a worker was free and a job waited to the begin of its computation, on average, without each worker's first, for which it copies inputs.</summary>
    public required double Begin { get; init; }

    /// <summary>The same, the longest of 99 % of jobs.</summary>
    public required double BeginP99 { get; init; }

    /// <summary>From the end of a computation to the moment at which its result counts, on average.</summary>
    public required double HandIn { get; init; }

    /// <summary>The share of time in which the scheduler was occupied, while jobs waited.</summary>
    public required double SchedulerLoad { get; init; }

    /// <summary>The share of time in which the database was.</summary>
    public required double DatabaseLoad { get; init; }

    /// <summary>The share of time in which the content store was.</summary>
    public required double ContentLoad { get; init; }

    /// <summary>How long the scheduler was occupied in all.</summary>
    public required double SchedulerSeconds { get; init; }

    /// <summary>States written.</summary>
    public required long Writes { get; init; }

    /// <summary>Bytes moved to and from the content store.</summary>
    public required double ContentBytes { get; init; }

    /// <summary>Computed in vain: lost with killed workers, or done twice.</summary>
    public required double Lost { get; init; }

    /// <summary>How often each job was done.</summary>
    public required IReadOnlyList<int> Done { get; init; }

    /// <summary>How often each job had failed for good.</summary>
    public required IReadOnlyList<int> Failed { get; init; }

    /// <summary>Jobs that would fail whenever they are tried.</summary>
    public required int Poison { get; init; }

    /// <summary>Workers killed.</summary>
    public required int Kills { get; init; }
}
