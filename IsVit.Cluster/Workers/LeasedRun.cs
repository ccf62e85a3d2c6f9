using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using IsVit.Cluster.Content;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Scheduling;
using IsVit.Model.Files;
using Microsoft.Extensions.Logging;

namespace IsVit.Cluster.Workers;

/// <summary>One job on this worker, from its inputs to its result: keeps its finished units in the store, says that it goes on, and stops when the job is no longer this worker's.</summary>
internal sealed partial class LeasedRun : IProgress<JobProgress>, IDisposable
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(0.2);
    private static readonly TimeSpan LastRetry = TimeSpan.FromSeconds(10);

    private readonly IJobGrain _job;
    private readonly JobAssignment _assignment;
    private readonly IContentStore _store;
    private readonly ContentCache _cache;
    private readonly IJobRunner _runner;
    private readonly WorkerOptions _options;
    private readonly string? _device;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly string _folder;
    private readonly ConcurrentDictionary<string, (long Length, DateTime Written, string Hash)> _stored = new(StringComparer.Ordinal);
    private volatile JobProgress? _progress;
    private long _progressAt;
    private LeaseAnswer _answer = LeaseAnswer.Continue;
    private Task _storing = Task.CompletedTask;

    public LeasedRun(
        IJobGrain job,
        JobAssignment assignment,
        IContentStore store,
        ContentCache cache,
        IJobRunner runner,
        WorkerOptions options,
        string? device,
        TimeProvider time,
        ILogger logger)
    {
        (_job, _assignment, _store, _cache, _runner, _options, _device, _time, _logger) = (job, assignment, store, cache, runner, options, device, time, logger);
        _folder = Path.Combine(JobsFolder(options), string.Create(CultureInfo.InvariantCulture, $"{assignment.Job[..16]}-{assignment.Lease}-{Environment.ProcessId}"));
        _progressAt = time.GetTimestamp();
    }

    private string Checkpoint => Path.Combine(_folder, "checkpoint");

    /// <summary>Deletes what jobs of workers that were killed left on this machine.</summary>
    public static void DeleteLeftFolders(WorkerOptions options)
    {
        foreach (var folder in Directory.Exists(JobsFolder(options)) ? Directory.GetDirectories(JobsFolder(options)) : [])
        {
            if (int.TryParse(folder.AsSpan(folder.LastIndexOf('-') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var process) && process != Environment.ProcessId && !RunningProcess.Exists(process))
            {
                try
                {
                    Directory.Delete(folder, recursive: true);
                }
                catch (Exception error) when (error is IOException or UnauthorizedAccessException)
                {
                    // It takes room, and nothing else depends on it.
                }
            }
        }
    }

    private static string JobsFolder(WorkerOptions options) => Path.Combine(Path.GetFullPath(options.Folder), "jobs");

    public void Report(JobProgress value)
    {
        if (value != _progress)
        {
            _progress = value;
            Interlocked.Exchange(ref _progressAt, _time.GetTimestamp());
        }
    }

    /// <summary>Runs the job and hands in what came of it. Throws nothing.</summary>
    public async Task RunAsync(CancellationToken stoppingToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        using var beats = new CancellationTokenSource();
        var clock = Stopwatch.StartNew();
        var beating = BeatAsync(stop, beats.Token);
        JobResult? result = null;
        (string Error, bool IsFinal)? failure = null;
        try
        {
            result = await ComputeAsync(clock, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Whether the worker ends or the job is no longer its own is seen below.
        }
        catch (JobFailedException error)
        {
            failure = (error.Message, error.IsFinal);
        }
#pragma warning disable CA1031 // Whatever goes wrong, the job is not lost, and the worker goes on.
        catch (Exception error)
#pragma warning restore CA1031
        {
            failure = ($"{error.GetType().Name}: {error.Message}", false);
        }

        await HandInAsync(result, failure, stoppingToken);
        await beats.CancelAsync();
        await beating;
    }

    public void Dispose()
    {
        try
        {
            if (Directory.Exists(_folder))
            {
                Directory.Delete(_folder, recursive: true);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            FolderLeft(_folder, error.Message);
        }
    }

    private async Task<JobResult> ComputeAsync(Stopwatch clock, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Checkpoint);
        foreach (var file in _assignment.Checkpoint)
        {
            await _cache.CopyAsync(file, Checkpoint, cancellationToken);
        }

        var inputs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, input) in _assignment.Specification.Inputs)
        {
            inputs[name] = await _cache.GetAsync(input, cancellationToken);
        }

        var output = Path.Combine(_folder, "output");
        Directory.CreateDirectory(output);
        var files = await _runner.RunAsync(
            new JobRun
            {
                Specification = _assignment.Specification,
                Inputs = inputs,
                Folder = output,
                CheckpointFolder = Checkpoint,
                Device = _device,
                Progress = this,
            },
            cancellationToken);
        var stored = new List<StoredFile>();
        foreach (var (name, path) in files)
        {
            stored.Add(new StoredFile(name, await RetryAsync(() => PutAsync(path, cancellationToken), cancellationToken)));
        }

        return new JobResult { Files = stored, Seconds = clock.Elapsed.TotalSeconds, Worker = _options.Name };
    }

    private async Task HandInAsync(JobResult? result, (string Error, bool IsFinal)? failure, CancellationToken stoppingToken)
    {
        if (_answer != LeaseAnswer.Continue)
        {
            GivenUp(_assignment.Job, _answer);
            return;
        }

        // A worker that is being stopped tries once; the job's time runs out by itself otherwise.
        try
        {
            await RetryAsync(
                async () =>
                {
                    // The last units, or all of a share's.
                    await _storing;
                    await StoreUnitsAsync();
                    await BeatOnceAsync();
                    if (result is not null)
                    {
                        await _job.CompleteAsync(_assignment.Lease, result);
                    }
                    else if (failure is var (error, isFinal))
                    {
                        await _job.FailAsync(_assignment.Lease, error, isFinal);
                    }
                    else
                    {
                        await _job.ReleaseAsync(_assignment.Lease);
                    }

                    return true;
                },
                stoppingToken);
        }
#pragma warning disable CA1031 // Nothing is lost that another worker could not do.
        catch (Exception error)
#pragma warning restore CA1031
        {
            NotHandedIn(_assignment.Job, error.Message);
        }
    }

    private async Task BeatAsync(CancellationTokenSource stop, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(_options.BeatInterval, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancellationToken.IsCancellationRequested)
            {
                return;
            }

            try
            {
                // A job that does nothing any more is heard of as little as a worker that does not.
                if (_time.GetElapsedTime(Interlocked.Read(ref _progressAt)) > _options.MostSilence)
                {
                    await stop.CancelAsync();
                    await _job.FailAsync(_assignment.Lease, string.Create(CultureInfo.InvariantCulture, $"no progress for {_options.MostSilence.TotalSeconds:F0} s on worker {_options.Name}"), isFinal: false);
                    _answer = LeaseAnswer.Lost;
                    return;
                }

                _answer = await BeatOnceAsync();
                if (_answer != LeaseAnswer.Continue)
                {
                    await stop.CancelAsync();
                    return;
                }
            }
#pragma warning disable CA1031 // The store may be away: the job goes on, and is heard of later.
            catch (Exception error)
#pragma warning restore CA1031
            {
                NotHeard(_assignment.Job, error.Message);
            }
        }
    }

    // Files are stored beside: a store that is slow must not make a worker that is well look as if it were not.
    private Task<LeaseAnswer> BeatOnceAsync()
    {
        if (_storing.IsCompleted)
        {
            _storing = StoreUnitsOrSayAsync();
        }

        return _job.BeatAsync(_assignment.Lease, _progress, [.. _stored.Select(static file => new StoredFile(file.Key, file.Value.Hash)).OrderBy(static file => file.Name, StringComparer.Ordinal)]);
    }

    private async Task StoreUnitsOrSayAsync()
    {
        try
        {
            await StoreUnitsAsync();
        }
#pragma warning disable CA1031 // The store may be away; the next beat tries again.
        catch (Exception error)
#pragma warning restore CA1031
        {
            NotHeard(_assignment.Job, error.Message);
        }
    }

    private async Task StoreUnitsAsync()
    {
        foreach (var file in Directory.Exists(Checkpoint) ? new DirectoryInfo(Checkpoint).GetFiles() : [])
        {
            // Not the lock of the run, nor files that are being written.
            if (file.Extension is ".safetensors" or ".json" && (!_stored.TryGetValue(file.Name, out var stored) || stored.Length != file.Length || stored.Written != file.LastWriteTimeUtc))
            {
                _stored[file.Name] = (file.Length, file.LastWriteTimeUtc, await PutAsync(file.FullName, CancellationToken.None));
            }
        }
    }

    private async Task<string> PutAsync(string path, CancellationToken cancellationToken)
    {
        var hash = await ContentHash.OfFileAsync(path, cancellationToken);
        await _store.PutAsync(hash, path, cancellationToken);
        return hash;
    }

    // Until it works: what is computed must not be lost to a store that is away.
    private async Task<T> RetryAsync<T>(Func<Task<T>> action, CancellationToken cancellationToken)
    {
        for (var wait = FirstRetry; ; wait = wait * 2 < LastRetry ? wait * 2 : LastRetry)
        {
            try
            {
                return await action();
            }
#pragma warning disable CA1031 // Of whatever kind.
            catch (Exception error) when (error is not OperationCanceledException and not ClusterException && !cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
            {
                NotHeard(_assignment.Job, error.Message);
                await Task.Delay(wait, _time, cancellationToken);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job} is no longer this worker's: {Answer}")]
    private partial void GivenUp(string job, LeaseAnswer answer);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {Job} could not be heard of: {Message}")]
    private partial void NotHeard(string job, string message);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What became of job {Job} could not be handed in: {Message}")]
    private partial void NotHandedIn(string job, string message);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Folder} could not be deleted: {Message}")]
    private partial void FolderLeft(string folder, string message);
}
