using IsVit.Cluster.Content;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Scheduling;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace IsVit.Cluster.Workers;

/// <summary>Asks for jobs as long as this machine has room for one more, and runs them.</summary>
internal sealed partial class JobWorker(IGrainFactory grains, IContentStore store, IJobRunner runner, WorkerOptions options, TimeProvider time, ILogger<JobWorker> logger) : BackgroundService
{
    private const int LongestPoll = 8;

    private readonly ContentCache _cache = new(store, Path.Combine(options.Folder, "inputs"));
    private readonly object _gate = new();
    private readonly Dictionary<Task, JobSpecification> _running = [];
    private readonly Stack<string> _devices = new(options.Devices.Reverse());

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        LeasedRun.DeleteLeftFolders(options);
        var wait = 1;
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                if (await TryTakeAsync() is { } assignment)
                {
                    Start(assignment, stoppingToken);
                    wait = 1;
                    continue;
                }

                var pause = Task.Delay(options.PollInterval * wait, time, stoppingToken);
                wait = Math.Min(2 * wait, LongestPoll);
                if (await Task.WhenAny([pause, .. Running()]) != pause)
                {
                    wait = 1;
                }
            }
        }
        finally
        {
            await Task.WhenAll(Running());
        }
    }

    private Task[] Running()
    {
        lock (_gate)
        {
            return [.. _running.Keys];
        }
    }

    private async Task<JobAssignment?> TryTakeAsync()
    {
        WorkerOffer offer;
        lock (_gate)
        {
            var threads = options.Threads - _running.Values.Sum(static job => job.Threads);
            if (threads < 1)
            {
                return null;
            }

            // What a job will take is an estimate: one alone is not kept from trying.
            var memory = _running.Count == 0 ? long.MaxValue : Math.Max(0, options.MemoryBytes - _running.Values.Sum(static job => job.MemoryBytes));
            offer = new WorkerOffer(options.Name, threads, memory, _devices.Count, runner.Program);
        }

        try
        {
            return await grains.GetGrain<ISchedulerGrain>(ISchedulerGrain.Key).TakeAsync(offer);
        }
#pragma warning disable CA1031 // The store may be away; it is asked again.
        catch (Exception error)
#pragma warning restore CA1031
        {
            NotAnswered(options.Name, error.Message);
            return null;
        }
    }

    private void Start(JobAssignment assignment, CancellationToken stoppingToken)
    {
        lock (_gate)
        {
            var device = assignment.Specification.NeedsDevice && _devices.TryPop(out var free) ? free : null;
            var task = Task.Run(() => RunAsync(assignment, device, stoppingToken), CancellationToken.None);
            _running.Add(task, assignment.Specification);
            _ = task.ContinueWith(
                ended =>
                {
                    lock (_gate)
                    {
                        _running.Remove(ended);
                        if (device is not null)
                        {
                            _devices.Push(device);
                        }
                    }
                },
                TaskScheduler.Default);
        }
    }

    private async Task RunAsync(JobAssignment assignment, string? device, CancellationToken stoppingToken)
    {
        using var run = new LeasedRun(grains.GetGrain<IJobGrain>(assignment.Job), assignment, store, _cache, runner, options, device, time, logger);
        await run.RunAsync(stoppingToken);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Worker {Worker} could not ask for a job: {Message}")]
    private partial void NotAnswered(string worker, string message);
}
