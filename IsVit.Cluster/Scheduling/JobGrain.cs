using System.Globalization;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Storage;
using Microsoft.Extensions.Options;

namespace IsVit.Cluster.Scheduling;

/// <inheritdoc cref="IJobGrain"/>
internal sealed class JobGrain(
    [PersistentState("job", ClusterNames.StorageProvider)] IPersistentState<JobRecordBox> state,
    IOptions<SchedulingOptions> options,
    TimeProvider time) : Grain, IJobGrain
{
    private DateTimeOffset _heard = time.GetUtcNow();
    private JobProgress? _progress;

    private JobRecord Record => state.State.Record;

    public async Task<JobStatus> SubmitAsync(JobSpecification specification)
    {
        if (specification.Version != JobSpecification.CurrentVersion)
        {
            throw new ClusterException($"The job's description has version {specification.Version}; this library runs {JobSpecification.CurrentVersion}.");
        }

        if (specification.Hash() != this.GetPrimaryKeyString())
        {
            throw new ClusterException($"The job {this.GetPrimaryKeyString()} was submitted with what is described by {specification.Hash()}.");
        }

        if (Record.State is JobState.Unknown or JobState.Failed or JobState.Cancelled)
        {
            // What is finished of a job that had failed stays.
            await WriteAsync(Record with { Specification = specification, State = JobState.Waiting, TriesWithoutProgress = 0, Error = null });
        }

        return Status();
    }

    public Task<JobStatus> GetAsync() => Task.FromResult(Status());

    public Task<JobSpecification?> GetSpecificationAsync() => Task.FromResult(Record.Specification);

    public Task<IReadOnlyList<StoredFile>> GetCheckpointAsync() => Task.FromResult(Record.Checkpoint);

    public async Task<JobAssignment?> LeaseAsync(string worker)
    {
        if (Record is not { State: JobState.Waiting, Specification: { } specification })
        {
            return null;
        }

        // What others computed of its units ahead.
        var ahead = await Task.WhenAll(specification.After.Select(job => GrainFactory.GetGrain<IJobGrain>(job).GetCheckpointAsync()));
        await WriteAsync(Record with
        {
            State = JobState.Running,
            Lease = Record.Lease + 1,
            Worker = worker,
            Tries = Record.Tries + 1,
            TriesWithoutProgress = Record.TriesWithoutProgress + 1,
        });
        (_heard, _progress) = (time.GetUtcNow(), null);
        return new JobAssignment(this.GetPrimaryKeyString(), Record.Lease, specification, [.. Record.Checkpoint.Concat(ahead.SelectMany(static files => files)).DistinctBy(static file => file.Name)]);
    }

    public async Task<LeaseAnswer> BeatAsync(int lease, JobProgress? progress, IReadOnlyList<StoredFile> checkpoint)
    {
        if (Record.State == JobState.Cancelled && Record.Lease == lease)
        {
            return LeaseAnswer.Cancelled;
        }

        if (!Holds(lease))
        {
            return LeaseAnswer.Lost;
        }

        (_heard, _progress) = (time.GetUtcNow(), progress);
        if (checkpoint.Any(file => !Record.Checkpoint.Contains(file)))
        {
            // A worker that has just begun has not yet stored again what others had.
            await WriteAsync(Record with { Checkpoint = [.. checkpoint.Concat(Record.Checkpoint).DistinctBy(static file => file.Name)], TriesWithoutProgress = 1 });
        }

        return LeaseAnswer.Continue;
    }

    public async Task<bool> CompleteAsync(int lease, JobResult result)
    {
        // The answer to the first time may have been lost on the way.
        if (Record.State == JobState.Done && Record.Lease == lease)
        {
            return true;
        }

        if (!Holds(lease))
        {
            return false;
        }

        await WriteAsync(Record with { State = JobState.Done, Result = result, Error = null });
        await TellAsync();
        return true;
    }

    public async Task FailAsync(int lease, string error, bool isFinal)
    {
        if (Holds(lease))
        {
            await GiveUpAsync(error, isFinal);
        }
    }

    public async Task ReleaseAsync(int lease)
    {
        if (Holds(lease))
        {
            await WriteAsync(Record with { State = JobState.Waiting, Tries = Record.Tries - 1, TriesWithoutProgress = Math.Max(0, Record.TriesWithoutProgress - 1) });
            await TellAsync();
        }
    }

    public async Task<JobStatus> CheckAsync()
    {
        var silence = time.GetUtcNow() - _heard;
        if (Record.State == JobState.Running && silence > options.Value.LeaseDuration)
        {
            await GiveUpAsync(string.Create(CultureInfo.InvariantCulture, $"worker {Record.Worker} was not heard of for {silence.TotalSeconds:F0} s"), isFinal: false);
        }

        return Status();
    }

    public async Task CancelAsync()
    {
        if (Record.State is JobState.Waiting or JobState.Running)
        {
            await WriteAsync(Record with { State = JobState.Cancelled });
            await TellAsync();
        }
    }

    private async Task GiveUpAsync(string error, bool isFinal)
    {
        var most = options.Value.MostTries;
        var isPoison = Record.TriesWithoutProgress >= most;
        await WriteAsync(Record with
        {
            State = isFinal || isPoison ? JobState.Failed : JobState.Waiting,
            Error = isPoison && !isFinal ? string.Create(CultureInfo.InvariantCulture, $"{error} (tried {most} times without finishing a unit)") : error,
        });
        await TellAsync();
    }

    private bool Holds(int lease) => Record.State == JobState.Running && Record.Lease == lease;

    // What is not in the store has not happened.
    private async Task WriteAsync(JobRecord record)
    {
        var before = Record;
        state.State.Record = record;
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            state.State.Record = before;
            throw;
        }
    }

    // It looks for itself as well, but later.
    private Task TellAsync() => GrainFactory.GetGrain<ISchedulerGrain>(ISchedulerGrain.Key).ChangedAsync(this.GetPrimaryKeyString(), Status());

    private JobStatus Status() => new()
    {
        State = Record.State,
        Worker = Record.Worker,
        Progress = Record.State == JobState.Running ? _progress : null,
        Tries = Record.Tries,
        Error = Record.Error,
        Result = Record.Result,
        CheckpointCount = Record.Checkpoint.Count,
    };
}
