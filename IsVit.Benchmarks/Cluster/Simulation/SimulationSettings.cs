namespace IsVit.Benchmarks.Cluster.Simulation;

/// <summary>A cluster and its work.</summary>
internal sealed record SimulationSettings
{
    /// <summary>Workers, each with room for one job.</summary>
    public required int Workers { get; init; }

    /// <summary>Jobs, all of which wait at the beginning.</summary>
    public required int Jobs { get; init; }

    /// <summary>How long a job computes on average, in seconds.</summary>
    public required double JobSeconds { get; init; }

    /// <summary>How far a job's length may be from the average, as a share of it; uniformly distributed.</summary>
    public double Spread { get; init; } = 0.2;

    /// <summary>The share of a job before its first unit, which every try begins with.</summary>
    public double Setup { get; init; } = 0.07;

    /// <summary>The units of a job, all equally long, each of which leaves a file.</summary>
    public int Units { get; init; } = 28;

    /// <summary>The size of a unit's file.</summary>
    public double UnitBytes { get; init; } = 1.8e6;

    /// <summary>The size of a job's result.</summary>
    public double ResultBytes { get; init; } = 4e6;

    /// <summary>What a worker copies once, before its first job.</summary>
    public double InputBytes { get; init; } = 53e6;

    /// <summary>What calls and writes take.</summary>
    public required ServiceTimes Times { get; init; }

    /// <summary>Whether the scheduler does nothing else while a job is lent or looked after.</summary>
    public bool OneCallAtATime { get; init; }

    /// <summary>How many ended jobs the queue is written for: one over this share of it, or any if 0.</summary>
    public double QueueWriteShare { get; init; } = 1.0 / 16;

    /// <summary>Jobs that wait during the whole time, and fit no worker.</summary>
    public int Unfit { get; init; }

    /// <summary>The pause of a worker that found nothing, in seconds; it doubles up to <see cref="LongestPoll"/> times.</summary>
    public double PollSeconds { get; init; } = 0.5;

    /// <summary>The longest pause, as a multiple.</summary>
    public int LongestPoll { get; init; } = 8;

    /// <summary>How often a worker is heard of, in seconds.</summary>
    public double BeatSeconds { get; init; } = 5;

    /// <summary>How often the scheduler looks after running jobs, in seconds.</summary>
    public double CheckSeconds { get; init; } = 5;

    /// <summary>The silence after which a worker is lost, in seconds.</summary>
    public double LeaseSeconds { get; init; } = 60;

    /// <summary>How often a job is begun without a newly finished unit before it counts as failed.</summary>
    public int MostTries { get; init; } = 3;

    /// <summary>How often a worker is killed, an hour.</summary>
    public double KillsPerHour { get; init; }

    /// <summary>How long a killed worker is away, in seconds.</summary>
    public double RestartSeconds { get; init; } = 60;

    /// <summary>How often a running job stops making progress, an hour.</summary>
    public double HangsPerHour { get; init; }

    /// <summary>How long a job may make no progress, in seconds.</summary>
    public double MostSilence { get; init; } = 1800;

    /// <summary>The share of jobs that fail in their first unit whenever they are tried.</summary>
    public double Poison { get; init; }

    /// <summary>What is random is the same for the same number.</summary>
    public int Seed { get; init; }
}
