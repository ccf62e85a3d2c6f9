using IsVit.Cluster.Jobs;

namespace IsVit.Cluster.Scheduling;

/// <summary>A job, by its identity: the only place where its state changes, and every change is in the store before anybody hears of it.</summary>
[Alias("isvit.IJobGrain")]
internal interface IJobGrain : IGrainWithStringKey
{
    /// <summary>Makes the job known, or known anew if it had failed or was called off. Does nothing if it waits, runs or is done.</summary>
    [Alias("Submit")]
    Task<JobStatus> SubmitAsync(JobSpecification specification);

    /// <summary>What is known of it.</summary>
    [Alias("Get")]
    Task<JobStatus> GetAsync();

    /// <summary>What it takes to run, and whether it waits; null if nobody has submitted it.</summary>
    [Alias("GetSpecification")]
    Task<JobSpecification?> GetSpecificationAsync();

    /// <summary>Files of finished units.</summary>
    [Alias("GetCheckpoint")]
    Task<IReadOnlyList<StoredFile>> GetCheckpointAsync();

    /// <summary>Lends the job to a worker; null unless it waits.</summary>
    [Alias("Lease")]
    Task<JobAssignment?> LeaseAsync(string worker);

    /// <summary>Says that a worker still works on it, where it is, and all files of units that it has finished.</summary>
    [Alias("Beat")]
    Task<LeaseAnswer> BeatAsync(int lease, JobProgress? progress, IReadOnlyList<StoredFile> checkpoint);

    /// <summary>Ends it with a result.</summary>
    /// <returns>Whether it counts: false if another worker has the job.</returns>
    [Alias("Complete")]
    Task<bool> CompleteAsync(int lease, JobResult result);

    /// <summary>Says that it could not be ended. It waits again unless the error is final or it was tried too often without a newly finished unit.</summary>
    [Alias("Fail")]
    Task FailAsync(int lease, string error, bool isFinal);

    /// <summary>Gives it back: the worker is stopped. This is no failed try.</summary>
    [Alias("Release")]
    Task ReleaseAsync(int lease);

    /// <summary>Takes it back from a worker that has not been heard of for too long.</summary>
    [Alias("Check")]
    Task<JobStatus> CheckAsync();

    /// <summary>Calls it off.</summary>
    [Alias("Cancel")]
    Task CancelAsync();
}
