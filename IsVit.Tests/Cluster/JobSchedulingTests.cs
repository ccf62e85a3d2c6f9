using System.Collections.Concurrent;
using IsVit.Cluster.Content;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Scheduling;
using IsVit.Cluster.Workers;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Cluster;

/// <summary>Jobs from their submission to their end, on a real cluster of one process with SQLite.</summary>
public sealed class JobSchedulingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Submit_ManyJobs_EachEndsOnceWithItsResult()
    {
        var runs = new ConcurrentBag<int>();
        await using var cluster = await OneSilo.StartAsync(_folder, (run, _) =>
        {
            runs.Add(OneSilo.Number(run));
            return Task.FromResult(OneSilo.Result(run, $"{OneSilo.Number(run)}"));
        });
        JobSpecification[] jobs = [.. Enumerable.Range(0, 20).Select(static i => OneSilo.Job(i))];

        var ids = await cluster.Submit(jobs);
        var ended = await cluster.EndOf(ids);
        var again = await cluster.Client.SubmitAsync(jobs, Token);

        Assert.Equal(Enumerable.Range(0, 20), runs.Order());
        Assert.All(ended, static status => Assert.Equal((JobState.Done, 1), (status.State, status.Tries)));
        Assert.All(again, static job => Assert.Equal(JobState.Done, job.Status.State));
        for (var i = 0; i < jobs.Length; i++)
        {
            var file = Assert.Single(ended[i].Result!.Files);
            Assert.Equal(("result.txt", $"{i}"), (file.Name, await cluster.TextOf(file)));
        }

        AssertFolders();
    }

    /// <summary>SQLite refuses some of many writers at the same time.</summary>
    [Fact]
    public async Task Submit_HundredsAtOnce_AllAreKept()
    {
        await using var cluster = await OneSilo.StartAsync(_folder, run: null);
        var ids = await Task.WhenAll(Enumerable.Range(0, 8).Select(part => Task.Run(() => cluster.Submit([.. Enumerable.Range(100 * part, 50).Select(static i => OneSilo.Job(i))]))));

        var kept = await cluster.Client.GetAsync([.. ids.SelectMany(static part => part)], Token);

        Assert.Equal(400, kept.Count(static status => status.State == JobState.Waiting));
    }

    [Fact]
    public async Task Run_FinalErrorAndCrash_OneTryAndThree_OthersEnd()
    {
        var tries = new ConcurrentDictionary<int, int>();
        await using var cluster = await OneSilo.StartAsync(_folder, (run, _) => (OneSilo.Number(run), tries.AddOrUpdate(OneSilo.Number(run), 1, static (_, count) => count + 1)) switch
        {
            (0, _) => throw new JobFailedException("no such option") { IsFinal = true },
            (1, _) => throw new InvalidOperationException("it crashed"),
            (2, 1) => throw new InvalidOperationException("it crashed once"),
            _ => Task.FromResult(OneSilo.Result(run, "done")),
        });

        var ids = await cluster.Submit([.. Enumerable.Range(0, 4).Select(static i => OneSilo.Job(i))]);
        var ended = await cluster.EndOf(ids);

        Assert.Equal([JobState.Failed, JobState.Failed, JobState.Done, JobState.Done], ended.Select(static status => status.State));
        Assert.Equal([1, 3, 2, 1], ended.Select(static status => status.Tries));
        Assert.Equal("no such option", ended[0].Error);
        Assert.Equal("InvalidOperationException: it crashed (tried 3 times without finishing a unit)", ended[1].Error);
        Assert.Null(ended[2].Error);

        // Whoever submits it again wants it to be tried again.
        await cluster.Submit(OneSilo.Job(1));
        Assert.Equal(6, Assert.Single(await cluster.EndOf(ids[1])).Tries);
    }

    [Fact]
    public async Task Run_TriedAgain_BeginsWithTheUnitsThatWereFinished()
    {
        // Each try finishes one unit more, and so is not one too many.
        await using var cluster = await OneSilo.StartAsync(_folder, async (run, cancellationToken) =>
        {
            var units = Directory.GetFiles(run.CheckpointFolder).Length;
            if (units == 5)
            {
                return OneSilo.Result(run, string.Concat(Directory.GetFiles(run.CheckpointFolder).Order(StringComparer.Ordinal).Select(File.ReadAllText)));
            }

            await File.WriteAllTextAsync(Path.Combine(run.CheckpointFolder, $"stage0.unit{units}.safetensors"), $"<{units}>", cancellationToken);
            throw new InvalidOperationException("it crashed");
        });

        var ended = Assert.Single(await cluster.EndOf(await cluster.Submit(OneSilo.Job(0))));

        Assert.Equal((JobState.Done, 6, 5), (ended.State, ended.Tries, ended.CheckpointCount));
        Assert.Equal("<0><1><2><3><4>", await cluster.TextOf(ended.Result!.Files[0]));
    }

    [Fact]
    public async Task Run_NoProgress_IsStoppedAndTriedAgain()
    {
        var tries = 0;
        await using var cluster = await OneSilo.StartAsync(
            _folder,
            async (run, cancellationToken) =>
            {
                if (Interlocked.Increment(ref tries) == 1)
                {
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                }

                return OneSilo.Result(run, "done");
            },
            worker: OneSilo.Worker(_folder, mostSilence: TimeSpan.FromSeconds(3)));

        var ended = Assert.Single(await cluster.EndOf(await cluster.Submit(OneSilo.Job(0))));

        Assert.Equal((JobState.Done, 2), (ended.State, ended.Tries));
    }

    [Fact]
    public async Task Lease_WorkerFallsSilent_AnotherGetsTheJobAndTheFirstCountsNoMore()
    {
        await using var cluster = await OneSilo.StartAsync(_folder, run: null, OneSilo.Silent(TimeSpan.FromSeconds(5)));
        var id = Assert.Single(await cluster.Submit(OneSilo.Job(0)));
        var scheduler = cluster.Grains.GetGrain<ISchedulerGrain>(ISchedulerGrain.Key);
        var job = cluster.Grains.GetGrain<IJobGrain>(id);
        StoredFile unit = new("stage0.unit0.safetensors", new string('a', 64));

        var first = await Take("first");
        Assert.Equal(LeaseAnswer.Continue, await job.BeatAsync(first.Lease, new JobProgress(0.5, "stage", "unit", null), [unit]));
        Assert.Equal(0.5, (await job.GetAsync()).Progress!.Fraction);
        var second = await Take("second");

        Assert.Equal([unit], second.Checkpoint);
        Assert.Equal(LeaseAnswer.Lost, await job.BeatAsync(first.Lease, null, []));
        Assert.False(await job.CompleteAsync(first.Lease, new JobResult { Worker = "first" }));
        await job.FailAsync(first.Lease, "of no account", isFinal: true);
        Assert.True(await job.CompleteAsync(second.Lease, new JobResult { Worker = "second" }));
        Assert.True(await job.CompleteAsync(second.Lease, new JobResult { Worker = "said twice" }));
        var status = await job.GetAsync();
        Assert.Equal((JobState.Done, "second"), (status.State, status.Result!.Worker));

        async Task<JobAssignment> Take(string worker)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
            limit.CancelAfter(TimeSpan.FromMinutes(1));
            while (true)
            {
                if (await scheduler.TakeAsync(new WorkerOffer(worker, 1, long.MaxValue, 0, DelegateRunner.Version)) is { } assignment)
                {
                    return assignment;
                }

                await Task.Delay(50, limit.Token);
            }
        }
    }

    [Fact]
    public async Task Run_AfterOthers_WaitsForThemAndBeginsWithTheirUnits()
    {
        var open = 0;
        await using var cluster = await OneSilo.StartAsync(_folder, async (run, cancellationToken) =>
        {
            if (run.Specification.After.Count == 0)
            {
                Interlocked.Increment(ref open);
                var index = run.Specification.Share!.Index;
                await File.WriteAllTextAsync(Path.Combine(run.CheckpointFolder, $"stage0.unit{index}.safetensors"), $"<{index}>", cancellationToken);
                Interlocked.Decrement(ref open);
                return new Dictionary<string, string>();
            }

            Assert.Equal(0, open);
            return OneSilo.Result(run, string.Concat(Directory.GetFiles(run.CheckpointFolder).Order(StringComparer.Ordinal).Select(File.ReadAllText)));
        });
        JobSpecification[] shares = [.. Enumerable.Range(0, 3).Select(static i => OneSilo.Job(0) with { Share = new UnitShare(i, 3) })];
        var whole = OneSilo.Job(0) with { After = [.. shares.Select(static share => share.Hash())] };

        var ids = await cluster.Submit([whole, .. shares]);
        var status = (await cluster.EndOf(ids))[0];

        Assert.Equal(JobState.Done, status.State);
        Assert.Equal("<0><1><2>", await cluster.TextOf(status.Result!.Files[0]));
        Assert.Equal(4, ids.Distinct().Count());
    }

    [Fact]
    public async Task Run_JobsOfSeveralThreadsAndDevices_NeverMoreThanThereAre()
    {
        var (threads, most, devices) = (0, 0, new ConcurrentDictionary<string, int>());
        await using var cluster = await OneSilo.StartAsync(
            _folder,
            async (run, cancellationToken) =>
            {
                var now = Interlocked.Add(ref threads, run.Specification.Threads);
                Largest.Of(ref most, now);
                if (run.Specification.NeedsDevice)
                {
                    Assert.Equal(1, devices.AddOrUpdate(run.Device!, 1, static (_, count) => count + 1));
                }
                else
                {
                    Assert.Null(run.Device);
                }

                await Task.Delay(100, cancellationToken);
                if (run.Device is { } device)
                {
                    devices.AddOrUpdate(device, 0, static (_, count) => count - 1);
                }

                Interlocked.Add(ref threads, -run.Specification.Threads);
                return OneSilo.Result(run, "done");
            },
            worker: OneSilo.Worker(_folder, threads: 4, devices: 2));
        JobSpecification[] jobs =
        [
            .. Enumerable.Range(0, 8).Select(static i => OneSilo.Job(i) with { Threads = 1 + (i % 4) }),
            .. Enumerable.Range(8, 6).Select(static i => OneSilo.Job(i) with { NeedsDevice = true }),
        ];

        var ended = await cluster.EndOf(await cluster.Submit(jobs));

        Assert.All(ended, static status => Assert.Equal((JobState.Done, null), (status.State, status.Error)));
        Assert.InRange(most, 2, 4);
    }

    [Fact]
    public async Task Host_StoppedAndStartedAnew_GoesOnWithWhatHasNotEnded()
    {
        var begun = new TaskCompletionSource();
        var runs = new ConcurrentBag<int>();
        IReadOnlyList<string> ids;
        await using (var first = await OneSilo.StartAsync(
            _folder,
            async (run, cancellationToken) =>
            {
                if (OneSilo.Number(run) > 0)
                {
                    begun.TrySetResult();
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                }

                return OneSilo.Result(run, "first");
            },
            worker: OneSilo.Worker(_folder, threads: 1)))
        {
            ids = await first.Submit([.. Enumerable.Range(0, 4).Select(static i => OneSilo.Job(i))]);
            await begun.Task;
        }

        await using var second = await OneSilo.StartAsync(_folder, (run, _) =>
        {
            runs.Add(OneSilo.Number(run));
            return Task.FromResult(OneSilo.Result(run, "second"));
        });
        var ended = await second.EndOf(ids);

        Assert.Equal([1, 2, 3], runs.Order());
        Assert.All(ended, static status => Assert.Equal((JobState.Done, 1), (status.State, status.Tries)));
        Assert.Equal("first", await second.TextOf(ended[0].Result!.Files[0]));
    }

    [Fact]
    public async Task Cancel_RunningAndWaiting_BothEndAndTheWorkerGoesOn()
    {
        var begun = new TaskCompletionSource();
        await using var cluster = await OneSilo.StartAsync(
            _folder,
            async (run, cancellationToken) =>
            {
                if (OneSilo.Number(run) == 0)
                {
                    begun.SetResult();
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                }

                return OneSilo.Result(run, "done");
            },
            worker: OneSilo.Worker(_folder, threads: 1));
        var ids = await cluster.Submit([.. Enumerable.Range(0, 3).Select(static i => OneSilo.Job(i))]);
        await begun.Task;

        await cluster.Client.CancelAsync(ids[1]);
        await cluster.Client.CancelAsync(ids[0]);

        Assert.Equal([JobState.Cancelled, JobState.Cancelled, JobState.Done], (await cluster.EndOf(ids)).Select(static status => status.State));
    }

    [Fact]
    public async Task Worker_Started_DeletesWhatKilledWorkersLeft()
    {
        // No process has this number.
        _folder.File("worker/jobs/0123456789abcdef-1-2147483647/output/half.safetensors", "half"u8);
        _folder.File($"worker/jobs/0123456789abcdef-1-{Environment.ProcessId}/output/own.safetensors", "own"u8);

        await using var cluster = await OneSilo.StartAsync(_folder, static (run, _) => Task.FromResult(OneSilo.Result(run, "done")));
        await cluster.EndOf(await cluster.Submit(OneSilo.Job(0)));

        AssertFolders($"0123456789abcdef-1-{Environment.ProcessId}");
    }

    /// <summary>A worker whose files take longer to store than a lease lasts keeps its job.</summary>
    [Fact]
    public async Task Run_ContentStoreSlow_KeepsTheLease()
    {
        var store = new SlowStore(new FolderContentStore(_folder["content"]), TimeSpan.FromSeconds(7));
        await using var cluster = await OneSilo.StartAsync(
            _folder,
            async (run, cancellationToken) =>
            {
                await File.WriteAllTextAsync(Path.Combine(run.CheckpointFolder, "stage0.unit0.safetensors"), "unit", cancellationToken);
                await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
                return OneSilo.Result(run, "done");
            },
            OneSilo.Silent(TimeSpan.FromSeconds(5)),
            content: store);

        var status = Assert.Single(await cluster.EndOf(await cluster.Submit(OneSilo.Job(0))));

        Assert.Equal((JobState.Done, 1, 1), (status.State, status.Tries, status.CheckpointCount));
    }

    [Fact]
    public async Task Beat_WithFewerFilesThanBefore_LosesNone()
    {
        await using var cluster = await OneSilo.StartAsync(_folder, run: null);
        var id = Assert.Single(await cluster.Submit(OneSilo.Job(0)));
        var job = cluster.Grains.GetGrain<IJobGrain>(id);
        StoredFile[] files = [.. "abc".Select(static letter => new StoredFile($"stage0.unit{letter}.safetensors", new string(letter, 64)))];
        var lease = (await job.LeaseAsync("worker"))!.Lease;

        await job.BeatAsync(lease, null, files[..2]);
        await job.BeatAsync(lease, null, files[2..]);
        await job.BeatAsync(lease, null, []);

        Assert.Equal(files, (await job.GetCheckpointAsync()).OrderBy(static file => file.Name, StringComparer.Ordinal));
    }

    /// <summary>For a minute in life, for a second here: nothing can be read or written.</summary>
    [Fact]
    public async Task Run_ContentStoreAway_LosesNothing()
    {
        var store = new FailingStore(new FolderContentStore(_folder["content"]));
        await using var cluster = await OneSilo.StartAsync(
            _folder,
            async (run, cancellationToken) =>
            {
                store.FailFor(TimeSpan.FromSeconds(1));
                await File.WriteAllTextAsync(Path.Combine(run.CheckpointFolder, "stage0.unit0.safetensors"), "unit", cancellationToken);
                return OneSilo.Result(run, "done");
            },
            content: store);

        var status = Assert.Single(await cluster.EndOf(await cluster.Submit(OneSilo.Job(0))));

        Assert.Equal((JobState.Done, 1, 1), (status.State, status.Tries, status.CheckpointCount));
        Assert.Equal("done", await cluster.TextOf(status.Result!.Files[0]));
        Assert.True(store.Failures > 0, "the store was never away");
    }

    // A job's folder goes when its result has been handed in.
    private void AssertFolders(params string[] expected)
    {
        string[] Folders() => [.. Directory.GetDirectories(_folder["worker/jobs"]).Select(Path.GetFileName).Order(StringComparer.Ordinal)!];
        SpinWait.SpinUntil(() => Folders().SequenceEqual(expected), TimeSpan.FromSeconds(30));
        Assert.Equal(expected, Folders());
    }

    private sealed class SlowStore(IContentStore store, TimeSpan time) : IContentStore
    {
        public async Task PutAsync(string hash, string path, CancellationToken cancellationToken)
        {
            await Task.Delay(time, cancellationToken);
            await store.PutAsync(hash, path, cancellationToken);
        }

        public Task<Stream> OpenAsync(string hash, CancellationToken cancellationToken) => store.OpenAsync(hash, cancellationToken);
    }

    private sealed class FailingStore(IContentStore store) : IContentStore
    {
        private long _until;
        private int _failures;

        public int Failures => _failures;

        public void FailFor(TimeSpan time) => Interlocked.Exchange(ref _until, Environment.TickCount64 + (long)time.TotalMilliseconds);

        public Task PutAsync(string hash, string path, CancellationToken cancellationToken) => Reach().PutAsync(hash, path, cancellationToken);

        public Task<Stream> OpenAsync(string hash, CancellationToken cancellationToken) => Reach().OpenAsync(hash, cancellationToken);

        private IContentStore Reach()
        {
            if (Environment.TickCount64 < Interlocked.Read(ref _until))
            {
                Interlocked.Increment(ref _failures);
                throw new IOException("The store is away.");
            }

            return store;
        }
    }
}
