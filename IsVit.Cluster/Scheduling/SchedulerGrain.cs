using IsVit.Cluster.Jobs;
using IsVit.Cluster.Storage;
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

    // The queue is written when one in so many of its jobs has ended, so that a long one is not written for each.
    private const int EndedWritten = 16;

    private readonly Dictionary<string, QueuedJob> _jobs = new(StringComparer.Ordinal);
    private readonly HashSet<string> _running = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (WorkerOffer Offer, DateTimeOffset Heard)> _workers = new(StringComparer.Ordinal);
    private WaitingJobs _waiting = null!;
    private int _ended;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _waiting = new WaitingJobs(job => !_jobs.ContainsKey(job));
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
        while (_waiting.First(offer) is { } job)
        {
            // Before the call: others are answered meanwhile, and if it fails, the job is looked after with those that run.
            Run(job);
            if (await Job(job.Id).LeaseAsync(offer.Worker) is { } assignment)
            {
                return assignment;
            }
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
        var known = new List<(string Id, JobSpecification Specification, JobStatus Status)>(jobs.Count);
        foreach (var part in jobs.Chunk(AskedAtOnce))
        {
            var found = await Task.WhenAll(part.Select(async job => (Id: job, Specification: await Job(job).GetSpecificationAsync(), Status: await Job(job).GetAsync())));
            known.AddRange(found.Where(static job => job.Specification is not null)!);
        }

        // All at once: a job that was known before those that it waits for would be lent.
        foreach (var (id, specification, _) in known)
        {
            _jobs[id] = new QueuedJob(id, specification);
        }

        foreach (var (id, _, status) in known)
        {
            Apply(id, status);
            _waiting.Changed(id);
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
            _waiting.Changed(id);
            _ended++;
        }
        else if (status.State == JobState.Running)
        {
            Run(job);
        }
        else if (_running.Remove(id))
        {
            // It has waited before.
            _waiting.AddFirst(job);
        }
        else
        {
            _waiting.AddLast(job);
        }
    }

    private void Run(QueuedJob job)
    {
        _waiting.Remove(job);
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

        if (_ended > 0 && EndedWritten * _ended >= _jobs.Count)
        {
            state.State.Jobs = [.. _jobs.Keys];
            try
            {
                await state.WriteStateAsync(cancellationToken);
                _ended = 0;
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
