using System.Globalization;
using IsVit.Cluster.Content;
using IsVit.Cluster.Hosting;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Scheduling;
using IsVit.Cluster.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace IsVit.Benchmarks.Cluster;

/// <summary>What the calls of a cluster take, in a real silo in this process: those that workers make of the scheduler and of jobs, and state written to SQLite or PostgreSQL.</summary>
internal static class ClusterCalls
{
    private const string Program = "measured";
    private const int Calls = 320;
    private const int AtOnce = 32;
    private const int UnitBytes = 1_800_000;

    // As many files as a run of twelve blocks, the patch embedding and the head in two stages has.
    private const int Units = 28;

    // No worker has as many.
    private const int TooManyThreads = 1024;

    private static readonly JobProgress s_progress = new(0.5, "weight-reconstruction", "blocks.5", 100);

    /// <summary>Measures and prints tables.</summary>
    /// <param name="args">How many jobs wait that fit no worker (2000 if not given), and how PostgreSQL is connected to; SQLite without.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> Run(string[] args)
    {
        var waiting = 2000;
        if (args.Length > 2 || (args.Length > 0 && !int.TryParse(args[0], NumberStyles.None, CultureInfo.InvariantCulture, out waiting)))
        {
            Console.Error.WriteLine("cluster-calls [waiting jobs] [PostgreSQL's connection string]");
            return 2;
        }

        var folder = Directory.CreateTempSubdirectory("isvit-calls-").FullName;
        try
        {
            var (name, database) = args.Length == 2 ? ("PostgreSQL", ClusterDatabase.PostgreSql(args[1])) : ("SQLite", ClusterDatabase.Sqlite(Path.Combine(folder, "cluster.db")));
            await MeasureAsync(name, database, folder, waiting);

            Console.WriteLine("\nContent store in a folder of the local disk, files of the size of a DeiT-Tiny block's checkpoint:\n");
            await MeasureContentAsync(new FolderContentStore(Path.Combine(folder, "content")), folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static async Task MeasureAsync(string name, ClusterDatabase database, string folder, int waiting)
    {
        await database.PrepareAsync();
        var options = new ClusterOptions
        {
            Database = database,
            Content = new FolderContentStore(Path.Combine(folder, "content")),
            Name = FormattableString.Invariant($"calls-{Environment.ProcessId}"),

            // Nobody says that these jobs go on.
            Scheduling = new SchedulingOptions { LeaseDuration = TimeSpan.FromHours(1) },
        };
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(silo => silo.UseIsVitCluster(options));
        using var host = builder.Build();
        await host.StartAsync();
        var grains = host.Services.GetRequiredService<IGrainFactory>();
        Console.WriteLine(FormattableString.Invariant($"\n{name}:\n"));
        CallTable.Begin();
        await MeasureCallsAsync(grains, host.Services.GetRequiredService<JobClient>(), waiting);
        if (database.IsShared)
        {
            await MeasureRemoteAsync(options);
        }

        await host.StopAsync();
    }

    private static async Task MeasureCallsAsync(IGrainFactory grains, JobClient client, int waiting)
    {
        var scheduler = grains.GetGrain<ISchedulerGrain>(ISchedulerGrain.Key);
        var offer = new WorkerOffer("worker", 1, long.MaxValue, 0, Program);
        var run = Guid.NewGuid();
        JobSpecification Specification(string kind, int number, int threads = 1) => new()
        {
            Program = Program,
            Options = new Dictionary<string, string> { ["run"] = run.ToString(), ["kind"] = kind, ["number"] = FormattableString.Invariant($"{number}"), ["method"] = "isvit", ["weight-bits"] = "4", ["activation-bits"] = "4", ["seed"] = "0" },
            Inputs = new Dictionary<string, JobInput> { ["weights"] = new("model.safetensors", new string('a', 64), false), ["calibration"] = new("calibration", new string('b', 64), true) },
            Threads = threads,
        };

        await CallTable.MeasureAsync("poll, nothing waits", Calls, 1, _ => scheduler.TakeAsync(offer));
        await CallTable.MeasureAsync("poll, nothing waits", 10 * Calls, AtOnce, _ => scheduler.TakeAsync(offer));
        var single = Enumerable.Range(0, Calls).Select(i => Specification("single", i)).ToList();
        await CallTable.MeasureAsync("submit", Calls, 1, i => grains.GetGrain<IJobGrain>(single[i].Hash()).SubmitAsync(single[i]));
        var several = Enumerable.Range(0, Calls).Select(i => Specification("several", i)).ToList();
        await CallTable.MeasureAsync("submit", Calls, AtOnce, i => grains.GetGrain<IJobGrain>(several[i].Hash()).SubmitAsync(several[i]));
        await CallTable.MeasureAsync("enqueue one job", Calls, 1, i => scheduler.EnqueueAsync([single[i].Hash()]));
        var taken = new JobAssignment[2 * Calls];
        await CallTable.MeasureAsync("take a job", Calls, 1, async i => taken[i] = await scheduler.TakeAsync(offer) ?? throw new InvalidOperationException("No job waits."));
        await scheduler.EnqueueAsync([.. several.Select(static job => job.Hash())]);
        await CallTable.MeasureAsync("take a job", Calls, AtOnce, async i => taken[Calls + i] = await scheduler.TakeAsync(offer) ?? throw new InvalidOperationException("No job waits."));
        IJobGrain Job(int i) => grains.GetGrain<IJobGrain>(taken[i].Job);
        await CallTable.MeasureAsync("beat", Calls, 1, i => Job(i).BeatAsync(taken[i].Lease, s_progress, []));
        await CallTable.MeasureAsync("beat", Calls, AtOnce, i => Job(i).BeatAsync(taken[i].Lease, s_progress, []));
        await CallTable.MeasureAsync("beat with a finished unit, written", Calls, 1, i => Job(i).BeatAsync(taken[i].Lease, s_progress, Files(i, Units / 2)));
        await CallTable.MeasureAsync("beat with a finished unit, written", Calls, AtOnce, i => Job(Calls + i).BeatAsync(taken[Calls + i].Lease, s_progress, Files(i, Units / 2)));
        await CallTable.MeasureAsync("check", Calls, 1, i => Job(i).CheckAsync());
        await CallTable.MeasureAsync("check", Calls, 64, i => Job(i).CheckAsync());
        var result = new JobResult { Files = Files(0, 2), Seconds = 1, Worker = "worker" };
        await CallTable.MeasureAsync("complete", Calls, 1, i => Job(i).CompleteAsync(taken[i].Lease, result));
        await CallTable.MeasureAsync("complete", Calls, AtOnce, i => Job(Calls + i).CompleteAsync(taken[Calls + i].Lease, result));

        await client.SubmitAsync([.. Enumerable.Range(0, waiting).Select(i => Specification("large", i, TooManyThreads))]);
        var added = Enumerable.Range(0, Calls).Select(i => Specification("added", i, TooManyThreads)).ToList();
        await client.SubmitAsync([.. added.Take(1)]);
        await CallTable.MeasureAsync(FormattableString.Invariant($"poll, {waiting} jobs wait that do not fit"), Calls, 1, _ => scheduler.TakeAsync(offer));
        await CallTable.MeasureAsync(FormattableString.Invariant($"poll, {waiting} jobs wait that do not fit"), 10 * Calls, AtOnce, _ => scheduler.TakeAsync(offer));
        await CallTable.MeasureAsync(FormattableString.Invariant($"submit and enqueue one job, {waiting} wait"), 64, 1, i => client.SubmitAsync([added[i + 1]]));
    }

    private static async Task MeasureRemoteAsync(ClusterOptions options)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client.UseIsVitCluster(options));
        using var host = builder.Build();
        await host.StartAsync();
        var scheduler = host.Services.GetRequiredService<IGrainFactory>().GetGrain<ISchedulerGrain>(ISchedulerGrain.Key);
        var offer = new WorkerOffer("remote", 1, long.MaxValue, 0, Program);
        await CallTable.MeasureAsync("poll that finds nothing, over TCP", Calls, 1, _ => scheduler.TakeAsync(offer));
        await CallTable.MeasureAsync("poll that finds nothing, over TCP", 10 * Calls, AtOnce, _ => scheduler.TakeAsync(offer));
        await host.StopAsync();
    }

    private static async Task MeasureContentAsync(FolderContentStore store, string folder)
    {
        const int files = 64;
        var random = new Random(1);
        var (paths, hashes) = (new string[files], new string[files]);
        for (var i = 0; i < files; i++)
        {
            var content = new byte[UnitBytes];
            random.NextBytes(content);
            paths[i] = Path.Combine(folder, FormattableString.Invariant($"unit{i}"));
            await File.WriteAllBytesAsync(paths[i], content);
        }

        CallTable.Begin();
        await CallTable.MeasureAsync("hash and put 1.8 MB", files, 1, async i =>
        {
            hashes[i] = await ContentHash.OfFileAsync(paths[i], CancellationToken.None);
            await store.PutAsync(hashes[i], paths[i], CancellationToken.None);
        });
        await CallTable.MeasureAsync("copy and check 1.8 MB", files, 1, i => ContentCache.CopyAsync(store, hashes[i], Path.Combine(folder, FormattableString.Invariant($"copy{i}")), CancellationToken.None));
    }

    private static StoredFile[] Files(int job, int count) =>
        [.. Enumerable.Range(0, count).Select(i => new StoredFile(FormattableString.Invariant($"stage3.unit{i}.safetensors"), FormattableString.Invariant($"{job:x32}{i:x32}")))];
}
