namespace IsVit.Cluster.Jobs;

/// <summary>What a worker has left for one more job.</summary>
/// <param name="Worker">Its name.</param>
/// <param name="Threads">Processors that no job of it computes on.</param>
/// <param name="MemoryBytes">Memory that none of its jobs is expected to take.</param>
/// <param name="Devices">Devices that no job of it has.</param>
/// <param name="Program">The version of its program: it runs jobs of no other.</param>
[GenerateSerializer]
[Immutable]
[Alias("isvit.WorkerOffer")]
public sealed record WorkerOffer(string Worker, int Threads, long MemoryBytes, int Devices, string Program)
{
    /// <summary>Whether a job can run on what is offered.</summary>
    /// <param name="job">The job.</param>
    public bool Fits(JobSpecification job)
    {
        ArgumentNullException.ThrowIfNull(job);
        return job.Threads <= Threads && job.MemoryBytes <= MemoryBytes && (!job.NeedsDevice || Devices > 0) && job.Program == Program;
    }
}
