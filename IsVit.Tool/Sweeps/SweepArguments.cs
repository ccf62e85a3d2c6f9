namespace IsVit.Tool.Sweeps;

/// <summary>What <c>isvit sweep</c> was asked for.</summary>
internal sealed record SweepArguments
{
    /// <summary>The sweep's file.</summary>
    public required string File { get; init; }

    /// <summary>The folder for results, and without a cluster for the store.</summary>
    public required string Output { get; init; }

    /// <summary>Whether it is only told what would be done.</summary>
    public bool DryRun { get; init; }

    /// <summary>Whether runs that have not ended are called off.</summary>
    public bool Cancel { get; init; }

    /// <summary>Whether no time is measured before.</summary>
    public bool NoEstimate { get; init; }

    /// <summary>Without a cluster: the processors that runs may compute on.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Without a cluster: the memory for runs, in bytes.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>Without a cluster: the devices for runs.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>The cluster; null for one within this process.</summary>
    public ClusterArguments? Cluster { get; init; }
}
