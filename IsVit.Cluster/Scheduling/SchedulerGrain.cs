using IsVit.Cluster.Storage;
using IsVit.Cluster.Jobs;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace IsVit.Cluster.Scheduling;

/// <inheritdoc cref="ISchedulerGrain"/>
[KeepAlive]
internal sealed partial class SchedulerGrain(
    [PersistentState("queue", ClusterNames.StorageProvider)] IPersistentState<QueueRecord> state,
    IOptions<SchedulingOptions> options,
    ILogger<SchedulerGrain> logger,
    TimeProvider time) : Grain, ISchedulerGrain
{
    private const int AskedAtOnce = 64;

    private readonly LinkedList<QueuedJob> _waiting = [];
    private readonly Dictionary<string, QueuedJob> _jobs = new(StringComparer.Ordinal);
    private readonly HashSet<string> _running = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (WorkerOffer Offer, DateTimeOffset Heard)> _workers = new(StringComparer.Ordinal);
    private bool _hasEnded;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await AddAsync(state.State.Jobs);
        this.RegisterGrainTimer(CheckAsync, new GrainTimerCreationOptions(options.Value.CheckInterval, options.Value.CheckInterval) { KeepAlive = true });
    }

    public async Task EnqueueAsync(IReadOnlyList<string> jobs)
    {
        var before = state.State.Jobs;
        var added = jobs.Where(job => !_jobs.ContainsKey(job)).Distinct(StringComparer.Ordinal).ToList();
        if (added.Count == 0)
        {
            return;
        }

        state.State.Jobs = [.. _jobs.Keys, .. added];
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            state.State.Jobs = before;
            throw;
        }

        await AddAsync(added);
    }

    public async Task<JobAssignment?> TakeAsync(WorkerOffer offer)
    {
        _workers[offer.Worker] = (offer, time.GetUtcNow());
        for (var node = _waiting.First; node is not null;)
        {
            var (next, job) = (node.Next, node.Value);
            if (offer.Fits(job.Specification) && job.Specification.After.All(other => !_jobs.ContainsKey(other)))
            {
                // Before the call: if it fails, the job is looked after with those that run.
                Run(job);
                if (await GrainFactory.GetGrain<IJobGrain>(job.Id).LeaseAsync(offer.Worker) is { } assignment)
                {
                    return assignment;
                }
            }

            node = next;
        }

        return null;
    }

    public Task ChangedAsync(string job, JobStatus status)
    {
        Apply(job, status);
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<WorkerOffer>> GetWorkersAsync()
    {
        var oldest = time.GetUtcNow() - options.Value.LeaseDuration;
        return Task.FromResult<IReadOnlyList<WorkerOffer>>([.. _workers.Values.Where(worker => worker.Heard >= oldest).Select(static worker => worker.Offer).OrderBy(static offer => offer.Worker, StringComparer.Ordinal)]);
    }

    private async Task AddAsync(IReadOnlyList<string> jobs)
    {
        foreach (var part in jobs.Chunk(AskedAtOnce))
        {
            var found = await Task.WhenAll(part.Select(async job => (Id: job, Specification: await Job(job).GetSpecificationAsync(), Status: await Job(job).GetAsync())));
            foreach (var (id, specification, status) in found)
            {
                if (specification is not null)
                {
                    _jobs[id] = new QueuedJob(id, specification);
                    Apply(id, status);
                }
            }
        }
    }

    private IJobGrain Job(string id) => GrainFactory.GetGrain<IJobGrain>(id);

    private void Apply(string id, JobStatus status)
    {
        if (!_jobs.TryGetValue(id, out var job))
        {
            return;
        }

        if (status.HasEnded)
        {
            Run(job);
            _running.Remove(id);
            _jobs.Remove(id);
            _hasEnded = true;
        }
        else if (status.State == JobState.Running)
        {
            Run(job);
        }
        else if (_running.Remove(id))
        {
            // It has waited before.
            job.Place = _waiting.AddFirst(job);
        }
        else
        {
            job.Place ??= _waiting.AddLast(job);
        }
    }

    private void Run(QueuedJob job)
    {
        if (job.Place is { } place)
        {
            _waiting.Remove(place);
            job.Place = null;
        }

        _running.Add(job.Id);
    }

    private async Task CheckAsync(CancellationToken cancellationToken)
    {
        foreach (var part in _running.ToList().Chunk(AskedAtOnce))
        {
            await Task.WhenAll(part.Select(async id =>
            {
                try
                {
                    Apply(id, await Job(id).CheckAsync());
                }
#pragma warning disable CA1031 // The store may be away; the next round asks again.
                catch (Exception error)
#pragma warning restore CA1031
                {
                    JobUnanswered(id, error.Message);
                }
            }));
        }

        if (_hasEnded)
        {
            state.State.Jobs = [.. _jobs.Keys];
            try
            {
                await state.WriteStateAsync(cancellationToken);
                _hasEnded = false;
            }
#pragma warning disable CA1031 // What has ended is found out anew.
            catch (Exception error)
#pragma warning restore CA1031
            {
                QueueUnwritten(error.Message);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {Job} did not answer: {Message}")]
    private partial void JobUnanswered(string job, string message);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The queue could not be written: {Message}")]
    private partial void QueueUnwritten(string message);
}
