namespace IsVit.Benchmarks.Cluster.Simulation;

/// <summary>A worker of a simulation.</summary>
internal sealed class SimulatedWorker
{
    /// <summary>How often it was killed: what it had planned before does not happen.</summary>
    public int Lives { get; set; }

    /// <summary>What it computes; null for nothing.</summary>
    public SimulatedJob? Job { get; set; }

    /// <summary>Since when it has been free, in seconds.</summary>
    public double Free { get; set; }

    /// <summary>Its next pause, as a multiple.</summary>
    public int Wait { get; set; } = 1;

    /// <summary>Whether it has its copies of inputs.</summary>
    public bool HasInputs { get; set; }
}
