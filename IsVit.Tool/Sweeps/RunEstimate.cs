namespace IsVit.Tool.Sweeps;

/// <summary>What a run is expected to take.</summary>
/// <param name="Seconds">The time on this machine; 0 if it was not measured.</param>
/// <param name="MemoryBytes">The most memory; 0 if it was not measured.</param>
internal sealed record RunEstimate(double Seconds, long MemoryBytes);
