using System.Globalization;
using IsVit.Cluster;
using IsVit.Cluster.Content;
using IsVit.Cluster.Hosting;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Storage;
using IsVit.Cluster.Workers;
using IsVit.Tool.Progress;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace IsVit.Tool.Sweeps;

/// <summary><c>isvit sweep</c>: many runs on this machine or on many.</summary>
internal static class SweepRun
{
    private const string OwnFolder = ".isvit";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ConnectTime = TimeSpan.FromSeconds(30);

    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="check">Checks the file of a run as <c>isvit quantize --config</c> would.</param>
    /// <param name="cancellationToken">Stops watching; without a cluster it stops the runs as well, which the same command goes on with.</param>
    /// <returns>The exit code: 1 if a run has no result.</returns>
    public static async Task<int> RunAsync(ToolConsole console, SweepArguments arguments, Action<string> check, CancellationToken cancellationToken)
    {
        var definition = SweepFile.Read(arguments.File);
        var plans = definition.Expand();
        var own = Path.Combine(arguments.Output, OwnFolder);
        var configs = new List<string>();
        foreach (var plan in plans)
        {
            var config = Path.Combine(Directory.CreateDirectory(SweepResults.FolderOf(arguments.Output, plan)).FullName, "run.json");
            RunConfig.Write(config, plan.Options);
            check(config);
            configs.Add(config);
        }

        console.Out.WriteLine(Summary(definition, plans.Count));
        IReadOnlyList<RunEstimate> estimates = arguments.NoEstimate
            ? [.. plans.Select(static _ => new RunEstimate(0, 0))]
            : await new RunEstimates(console, Path.Combine(own, "estimates"), definition.Threads).OfAsync(plans, configs, cancellationToken);
        WriteEstimates(console, arguments, definition, plans, estimates);
        if (arguments.DryRun)
        {
            return 0;
        }

        using var host = await StartAsync(arguments, own, cancellationToken);
        try
        {
            var client = host.Services.GetRequiredService<JobClient>();
            var runs = await DescribeAsync(client, definition, plans, estimates, cancellationToken);
            if (arguments.Cancel)
            {
                return await CancelAsync(console, client, runs);
            }

            // The result is all that counts: shares of a run that is done are not computed for their own sake.
            await client.SubmitAsync([.. runs.Where(static run => !run.WasDone).SelectMany(static run => run.Jobs).Select(static job => job.Job)], cancellationToken);
            var results = new SweepResults(client, arguments.Output);
            try
            {
                await WatchAsync(console, client, runs, results, cancellationToken);
            }
            finally
            {
                var page = results.Write($"Sweep {Path.GetFileNameWithoutExtension(arguments.File)}", runs);
                console.Out.WriteLine($"{runs.Count(static run => run.Last.State == JobState.Done).ToString(CultureInfo.InvariantCulture)} of {runs.Count.ToString(CultureInfo.InvariantCulture)} runs are done: {page}");
            }

            WriteTable(console, arguments.Output, runs);
            return runs.All(static run => run.Last.State == JobState.Done) ? 0 : 1;
        }
        finally
        {
            await host.StopAsync(CancellationToken.None);
        }
    }

    private static string Summary(SweepDefinition definition, int count)
    {
        (int Count, string Name)[] lists = [(definition.Models.Count, "models"), (definition.Bits.Count, "bits"), (definition.Methods.Count, "methods"), (definition.Seeds.Count, "seeds"), (definition.Overrides.Count, "overrides")];
        return string.Create(CultureInfo.InvariantCulture, $"{count} runs: {string.Join(" x ", lists.Where(static list => list.Count > 0).Select(static list => string.Create(CultureInfo.InvariantCulture, $"{list.Count} {list.Name}")))}");
    }

    private static void WriteEstimates(ToolConsole console, SweepArguments arguments, SweepDefinition definition, IReadOnlyList<SweepRunPlan> plans, IReadOnlyList<RunEstimate> estimates)
    {
        var table = new ToolTable("run", "expected", "memory, MB") { Dispensable = ["memory, MB"] };
        foreach (var (plan, estimate) in plans.Zip(estimates))
        {
            table.AddRow(plan.Name, estimate.Seconds > 0 ? RemainingTime.Format(TimeSpan.FromSeconds(estimate.Seconds)) : "", estimate.MemoryBytes > 0 ? (estimate.MemoryBytes / 1e6).ToString("F0", CultureInfo.InvariantCulture) : "");
        }

        table.Write(console.Ansi);
        var seconds = estimates.Sum(static estimate => estimate.Seconds);
        if (seconds > 0)
        {
            var atOnce = arguments.Cluster is null ? Math.Max(1, arguments.Threads / definition.Threads) : 1;
            console.Out.WriteLine(arguments.Cluster is null
                ? string.Create(CultureInfo.InvariantCulture, $"expected: {RemainingTime.Rounded(TimeSpan.FromSeconds(seconds / atOnce))} with {atOnce} runs at a time on this machine")
                : $"expected: {RemainingTime.Rounded(TimeSpan.FromSeconds(seconds))} of computing on a machine such as this one");
        }
    }

    private static async Task<IHost> StartAsync(SweepArguments arguments, string own, CancellationToken cancellationToken)
    {
        if (arguments.Cluster is { } cluster)
        {
            var client = ClusterHost.Builder();
            var options = await ClusterHost.OptionsAsync(cluster, cancellationToken);
            client.UseOrleansClient(builder => builder.UseIsVitCluster(options));
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(ConnectTime);
            var connected = client.Build();
            try
            {
                await connected.StartAsync(limit.Token);
                return connected;
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
            {
                connected.Dispose();
                throw new ToolException($"no worker of the cluster '{cluster.Name}' answers: {error.Message} Start one with 'isvit worker'.", error);
            }
        }

        Directory.CreateDirectory(own);
        var @lock = Lock(Path.Combine(own, "lock"), arguments.Output);
        try
        {
            var database = ClusterDatabase.Sqlite(Path.Combine(own, "cluster.db"));
            await database.PrepareAsync(cancellationToken);
            var builder = ClusterHost.Builder();
            builder.Services.AddSingleton(_ => @lock);
            builder.UseOrleans(silo => silo.UseIsVitCluster(new ClusterOptions { Database = database, Content = new FolderContentStore(Path.Combine(own, "content")) }));
            builder.Services.AddIsVitWorker(
                new WorkerOptions
                {
                    Name = "here",
                    Folder = Path.Combine(own, "worker"),
                    Threads = arguments.Threads,
                    MemoryBytes = arguments.MemoryBytes,
                    Devices = arguments.Devices,
                },
                new QuantizeJobRunner());
            var host = builder.Build();
            _ = host.Services.GetRequiredService<FileStream>();
            await host.StartAsync(cancellationToken);
            return host;
        }
        catch
        {
            await @lock.DisposeAsync();
            throw;
        }
    }

    private static FileStream Lock(string path, string output)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error)
        {
            throw new ToolException($"{output}: another sweep is going on there, or it cannot be written to: {error.Message}", error);
        }
    }

    private static async Task<IReadOnlyList<RunState>> DescribeAsync(JobClient client, SweepDefinition definition, IReadOnlyList<SweepRunPlan> plans, IReadOnlyList<RunEstimate> estimates, CancellationToken cancellationToken)
    {
        var jobs = new SweepJobs(new ContentUpload(client.Content), definition.Threads, definition.UnitShares);
        var runs = new List<RunState>();
        foreach (var (plan, estimate) in plans.Zip(estimates))
        {
            runs.Add(new RunState(plan, [.. (await jobs.OfAsync(plan, estimate, cancellationToken)).Select(static job => (job.Hash(), job))]));
        }

        var done = await client.GetAsync([.. runs.Select(static run => run.Jobs[^1].Id)], cancellationToken);
        foreach (var (run, status) in runs.Zip(done))
        {
            run.WasDone = status.State == JobState.Done;
        }

        return runs;
    }

    private static async Task<int> CancelAsync(ToolConsole console, JobClient client, IReadOnlyList<RunState> runs)
    {
        var count = 0;
        foreach (var run in runs)
        {
            var open = (await client.GetAsync([.. run.Jobs.Select(static job => job.Id)])).Zip(run.Jobs, static (status, job) => (status.State, job.Id)).Where(static job => job.State is JobState.Waiting or JobState.Running).ToList();
            foreach (var (_, id) in open)
            {
                await client.CancelAsync(id);
            }

            count += open.Count > 0 ? 1 : 0;
        }

        console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} of {runs.Count} runs are called off"));
        return 0;
    }

    private static async Task WatchAsync(ToolConsole console, JobClient client, IReadOnlyList<RunState> runs, SweepResults results, CancellationToken cancellationToken)
    {
        var copied = new HashSet<RunState>();
        await new SweepView(console, runs).RunAsync(async show =>
        {
            while (true)
            {
                try
                {
                    foreach (var run in runs.Where(run => !copied.Contains(run)))
                    {
                        run.Set(await client.GetAsync([.. run.Jobs.Select(static job => job.Id)], cancellationToken));
                        if (run.Last.HasEnded)
                        {
                            if (run.Last.State == JobState.Done)
                            {
                                await results.CopyAsync(run, cancellationToken);
                            }

                            copied.Add(run);
                        }
                    }

                    show(await client.GetWorkersAsync());
                    if (copied.Count == runs.Count)
                    {
                        return;
                    }
                }
                catch (Exception error) when (error is not OperationCanceledException and not ClusterException)
                {
                    // The store may be away; the jobs go on.
                    await console.Error.WriteLineAsync($"isvit: the cluster does not answer: {error.Message.ReplaceLineEndings(" ")}");
                }

                await Task.Delay(Interval, cancellationToken);
            }
        });
    }

    private static void WriteTable(ToolConsole console, string output, IReadOnlyList<RunState> runs)
    {
        foreach (var run in runs.Where(static run => run.Last.State != JobState.Done))
        {
            console.Error.WriteLine($"isvit: {run.Plan.Name}: {run.Last.Error?.ReplaceLineEndings(" ") ?? run.Last.State.ToString()}");
        }

        console.Out.WriteLine($"{Path.Combine(output, SweepResults.TableFile)}.md, .csv and .json hold the table, {Path.Combine(output, "runs")} each run's model and report");
    }
}
