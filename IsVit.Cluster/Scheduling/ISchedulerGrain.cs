using IsVit.Cluster.Jobs;
using Orleans.Concurrency;

namespace IsVit.Cluster.Scheduling;

/// <summary>The one queue of a cluster. It keeps which jobs have not ended; how far each is, the job itself knows.</summary>
[Alias("isvit.ISchedulerGrain")]
internal interface ISchedulerGrain : IGrainWithIntegerKey
{
    /// <summary>The key of the only one.</summary>
    const long Key = 0;

    /// <summary>Puts submitted jobs behind those that wait.</summary>
    [Alias("Enqueue")]
    Task EnqueueAsync(IReadOnlyList<string> jobs);

    /// <summary>Lends the first job that waits and fits; null if there is none. Workers do not wait for each other's jobs to be lent.</summary>
    [Alias("Take")]
    [AlwaysInterleave]
    Task<JobAssignment?> TakeAsync(WorkerOffer offer);

    /// <summary>A job has ended or waits again.</summary>
    [Alias("Changed")]
    [OneWay]
    Task ChangedAsync(string job, JobStatus status);

    /// <summary>The workers that have asked for a job lately, and what each last offered.</summary>
    [Alias("GetWorkers")]
    Task<IReadOnlyList<WorkerOffer>> GetWorkersAsync();
}
