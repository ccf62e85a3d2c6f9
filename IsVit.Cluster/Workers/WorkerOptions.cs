namespace IsVit.Cluster.Workers;

/// <summary>What a worker has for jobs, and where it keeps them.</summary>
public sealed record WorkerOptions
{
    /// <summary>Its name, as people see it; the machine's and the process's number if not given.</summary>
    public string Name { get; init; } = FormattableString.Invariant($"{Environment.MachineName}-{Environment.ProcessId}");

    /// <summary>The folder for copies of inputs, which stay, and for what jobs write, which goes. Workers of one machine may share it.</summary>
    public required string Folder { get; init; }

    /// <summary>Processors that jobs may compute on; jobs take as many as they ask for.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Memory that jobs may take, in bytes, by what they are expected to; a job that runs alone may take more.</summary>
    public long MemoryBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Devices, each for one job at a time.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>How often the worker says that it still has its jobs, and puts units that they have finished into the store.</summary>
    public TimeSpan BeatInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long it waits before it asks again when there was nothing to do; it waits up to eight times as long while there is not.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>How long a job may show no progress before it is stopped and counts as failed once. To score a large model on many images takes long, and shows none.</summary>
    public TimeSpan MostSilence { get; init; } = TimeSpan.FromHours(2);

    /// <summary>Throws if an option is out of range.</summary>
    /// <exception cref="ArgumentException">The message names the option, the value and what is allowed.</exception>
    public void Validate()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Name);
        ArgumentException.ThrowIfNullOrWhiteSpace(Folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MemoryBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(BeatInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(PollInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(MostSilence, TimeSpan.Zero);
    }
}
