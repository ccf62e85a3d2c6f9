namespace IsVit.Benchmarks.Cluster.Simulation;

/// <summary>A job of a simulation. Times are in seconds.</summary>
internal sealed class SimulatedJob
{
    /// <summary>Which one.</summary>
    public required int Index { get; init; }

    /// <summary>How long it computes.</summary>
    public required double Length { get; init; }

    /// <summary>Whether it fails in its first unit.</summary>
    public required bool IsPoison { get; init; }

    /// <summary>The number of the last loan.</summary>
    public int Lease { get; set; }

    /// <summary>Tries since the last newly finished unit.</summary>
    public int Tries { get; set; }

    /// <summary>Units whose files are kept.</summary>
    public int Kept { get; set; }

    /// <summary>Units whose files are kept or being put into the store.</summary>
    public int Put { get; set; }

    /// <summary>Units that were kept when the computation began.</summary>
    public int KeptAtBegin { get; set; }

    /// <summary>Since when it has waited.</summary>
    public double Waiting { get; set; }

    /// <summary>When its computation began; negative before.</summary>
    public double Begun { get; set; }

    /// <summary>When its computation ends or makes no more progress.</summary>
    public double End { get; set; }

    /// <summary>When its worker was last heard of.</summary>
    public double Heard { get; set; }
}
