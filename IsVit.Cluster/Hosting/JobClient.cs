using IsVit.Cluster.Content;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Scheduling;

namespace IsVit.Cluster.Hosting;

/// <summary>Submits jobs to a cluster and looks at them.</summary>
/// <param name="grains">The cluster.</param>
/// <param name="content">Its files.</param>
public sealed class JobClient(IGrainFactory grains, IContentStore content)
{
    private const int AtOnce = 64;

    /// <summary>The cluster's files.</summary>
    public IContentStore Content { get; } = content;

    /// <summary>Submits jobs. One that waits, runs or is done is left as it is; one that had failed is tried anew.</summary>
    /// <param name="jobs">The jobs, in the order in which they are to be begun.</param>
    /// <param name="cancellationToken">Stops between jobs; those submitted stay.</param>
    /// <returns>Each job's identity and what is known of it, in the same order.</returns>
    /// <exception cref="ClusterException">A description is of another version.</exception>
    public async Task<IReadOnlyList<(string Job, JobStatus Status)>> SubmitAsync(IReadOnlyList<JobSpecification> jobs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(jobs);
        var submitted = new List<(string Job, JobStatus Status)>(jobs.Count);
        foreach (var part in jobs.Chunk(AtOnce))
        {
            cancellationToken.ThrowIfCancellationRequested();
            submitted.AddRange(await Task.WhenAll(part.Select(async job =>
            {
                var id = job.Hash();
                return (id, await grains.GetGrain<IJobGrain>(id).SubmitAsync(job).ConfigureAwait(false));
            })).ConfigureAwait(false));
        }

        var open = submitted.Where(static job => !job.Status.HasEnded).Select(static job => job.Job).ToList();
        if (open.Count > 0)
        {
            await grains.GetGrain<ISchedulerGrain>(ISchedulerGrain.Key).EnqueueAsync(open).ConfigureAwait(false);
        }

        return submitted;
    }

    /// <summary>What is known of jobs.</summary>
    /// <param name="jobs">Their identities.</param>
    /// <param name="cancellationToken">Stops between jobs.</param>
    /// <returns>In the same order.</returns>
    public async Task<IReadOnlyList<JobStatus>> GetAsync(IReadOnlyList<string> jobs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(jobs);
        var found = new List<JobStatus>(jobs.Count);
        foreach (var part in jobs.Chunk(AtOnce))
        {
            cancellationToken.ThrowIfCancellationRequested();
            found.AddRange(await Task.WhenAll(part.Select(job => grains.GetGrain<IJobGrain>(job).GetAsync())).ConfigureAwait(false));
        }

        return found;
    }

    /// <summary>Calls a job off. Nothing happens to one that has ended.</summary>
    /// <param name="job">Its identity.</param>
    public Task CancelAsync(string job)
    {
        ArgumentException.ThrowIfNullOrEmpty(job);
        return grains.GetGrain<IJobGrain>(job).CancelAsync();
    }

    /// <summary>The workers that have asked for jobs lately, with what each had left.</summary>
    public Task<IReadOnlyList<WorkerOffer>> GetWorkersAsync() => grains.GetGrain<ISchedulerGrain>(ISchedulerGrain.Key).GetWorkersAsync();

    /// <summary>Copies a file of the cluster's store, checked against its hash.</summary>
    /// <param name="file">The file.</param>
    /// <param name="path">Where to; replaced if it exists. Its folder must exist.</param>
    /// <param name="cancellationToken">Stops the copy.</param>
    /// <exception cref="ClusterException">The store has another file under this hash.</exception>
    public async Task CopyAsync(StoredFile file, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentException.ThrowIfNullOrEmpty(path);
        await WholeFile.WriteAsync(path, overwrite: true, temporary => ContentCache.CopyAsync(Content, file.Hash, temporary, cancellationToken)).ConfigureAwait(false);
    }
}
