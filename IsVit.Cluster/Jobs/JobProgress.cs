namespace IsVit.Cluster.Jobs;

/// <summary>Where a running job is.</summary>
/// <param name="Fraction">The part that is done, 0 to 1.</param>
/// <param name="Stage">What it does.</param>
/// <param name="Unit">On which part of the model.</param>
/// <param name="RemainingSeconds">The time left; null if that is not known yet.</param>
[GenerateSerializer]
[Immutable]
[Alias("isvit.JobProgress")]
public sealed record JobProgress(double Fraction, string Stage, string Unit, double? RemainingSeconds);
