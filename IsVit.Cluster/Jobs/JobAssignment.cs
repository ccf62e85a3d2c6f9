namespace IsVit.Cluster.Jobs;

/// <summary>A job that a worker is to run, and where to begin.</summary>
/// <param name="Job">The job's identity.</param>
/// <param name="Lease">The number of the loan: what comes in with another one no longer counts.</param>
/// <param name="Specification">What to run.</param>
/// <param name="Checkpoint">Units that are finished, as files.</param>
[GenerateSerializer]
[Immutable]
[Alias("isvit.JobAssignment")]
public sealed record JobAssignment(string Job, int Lease, JobSpecification Specification, IReadOnlyList<StoredFile> Checkpoint);
