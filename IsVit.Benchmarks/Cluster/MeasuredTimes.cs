using IsVit.Benchmarks.Cluster.Simulation;

namespace IsVit.Benchmarks.Cluster;

/// <summary>What <c>cluster-calls</c> measured, the slowest of several runs; results/cluster.md has the tables and the machine.</summary>
internal static class MeasuredTimes
{
    /// <summary>The scheduler's own time for a waiting job that does not fit, when it looked at each: (0.023 - 0.001) ms for 2000.</summary>
    public const double ScannedJob = 11e-9;

    // Not measured: 10 Gbit/s for all workers together.
    private const double ContentBytesPerSecond = 1.25e9;

    // 1.8 MB hashed and put in 12 ms.
    private const double WorkerBytesPerSecond = 150e6;

    /// <summary>With PostgreSQL on another machine.</summary>
    public static ServiceTimes PostgreSql { get; } = new()
    {
        // 0.03 to 0.05 ms over TCP within a machine; the rest for a network, which was not measured.
        Call = 0.5e-3,

        // The processor's time of a job lent less that of a unit written, at most.
        SchedulerCall = 0.08e-3,
        CheckedJob = 0.012e-3,
        WriteLatency = 4.1e-3,
        WriteOccupation = 1.0 / 1700,
        QueuedJob = 5e-6,
        ContentBytesPerSecond = ContentBytesPerSecond,
        WorkerBytesPerSecond = WorkerBytesPerSecond,
    };

    /// <summary>With SQLite, within one process, where writers that meet wait for 0.15 s.</summary>
    public static ServiceTimes Sqlite { get; } = PostgreSql with
    {
        Call = 0.012e-3,
        WriteLatency = 0.41e-3,
        WriteOccupation = 1.0 / 73,
    };
}
