using IsVit.Benchmarks.Cluster.Simulation;

namespace IsVit.Benchmarks.Cluster;

/// <summary>What <c>cluster-calls</c> measured; results/cluster.md has the tables and the machine.</summary>
internal static class MeasuredTimes
{
    // 10 Gbit/s: no store of a network was measured.
    private const double ContentBytesPerSecond = 1.25e9;

    /// <summary>The scheduler's own time for a waiting job that it looked at and that did not fit, when it looked at each.</summary>
    public const double ScannedJob = 0.1e-6;

    /// <summary>With SQLite.</summary>
    public static ServiceTimes Sqlite => PostgreSql;

    /// <summary>With PostgreSQL.</summary>
    public static ServiceTimes PostgreSql { get; } = new()
    {
        Call = 0.5e-3,
        SchedulerCall = 0.05e-3,
        CheckedJob = 0.05e-3,
        WriteLatency = 5e-3,
        WriteOccupation = 1e-3,
        QueuedJob = 0.5e-6,
        ContentBytesPerSecond = ContentBytesPerSecond,
    };
}
