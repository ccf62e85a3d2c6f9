using IsVit.Cluster.Content;
using IsVit.Cluster.Hosting;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Scheduling;
using IsVit.Cluster.Storage;
using IsVit.Cluster.Workers;
using IsVit.Tests.TestSupport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace IsVit.Tests.Cluster;

/// <summary>A cluster of one process, with its database and its files in a folder.</summary>
internal sealed class OneSilo : IAsyncDisposable
{
    private readonly IHost _host;

    private OneSilo(IHost host) => _host = host;

    public JobClient Client => _host.Services.GetRequiredService<JobClient>();

    public IGrainFactory Grains => _host.Services.GetRequiredService<IGrainFactory>();

    public static async Task<OneSilo> StartAsync(
        TemporaryFolder folder,
        Func<JobRun, CancellationToken, Task<IReadOnlyDictionary<string, string>>>? run,
        SchedulingOptions? scheduling = null,
        WorkerOptions? worker = null,
        IContentStore? content = null,
        ClusterDatabase? database = null)
    {
        database ??= ClusterDatabase.Sqlite(folder["cluster.db"]);
        await database.PrepareAsync();
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(silo => silo.UseIsVitCluster(new ClusterOptions
        {
            Database = database,
            Content = content ?? new FolderContentStore(folder["content"]),
            Scheduling = scheduling ?? Quick,
        }));
        if (run is not null)
        {
            builder.Services.AddIsVitWorker(worker ?? Worker(folder), new DelegateRunner(run));
        }

        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return new OneSilo(host);
    }

    /// <summary>Looked at often, and with leases that a machine at its limit does not miss.</summary>
    public static SchedulingOptions Quick => Silent(TimeSpan.FromSeconds(60));

    /// <summary>With leases that end within a test.</summary>
    public static SchedulingOptions Silent(TimeSpan lease) => new() { LeaseDuration = lease, CheckInterval = TimeSpan.FromSeconds(0.2) };

    public static WorkerOptions Worker(TemporaryFolder folder, int threads = 2, int devices = 0, TimeSpan? mostSilence = null) => new()
    {
        Folder = folder["worker"],
        Threads = threads,
        Devices = [.. Enumerable.Range(0, devices).Select(static i => $"cuda:{i}")],
        BeatInterval = TimeSpan.FromSeconds(0.1),
        PollInterval = TimeSpan.FromSeconds(0.05),
        MostSilence = mostSilence ?? TimeSpan.FromMinutes(1),
    };

    public static JobSpecification Job(int number, IReadOnlyDictionary<string, JobInput>? inputs = null) => new()
    {
        Program = DelegateRunner.Version,
        Options = new Dictionary<string, string> { ["number"] = FormattableString.Invariant($"{number}") },
        Inputs = inputs ?? new Dictionary<string, JobInput>(),
    };

    public static int Number(JobRun run) => int.Parse(run.Specification.Options["number"], System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A result of one file.</summary>
    public static IReadOnlyDictionary<string, string> Result(JobRun run, string text)
    {
        var path = Path.Combine(run.Folder, "any name");
        File.WriteAllText(path, text);
        return new Dictionary<string, string> { ["result.txt"] = path };
    }

    /// <summary>Waits for the end of jobs.</summary>
    public async Task<IReadOnlyList<JobStatus>> EndOf(params IReadOnlyList<string> jobs)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(2));
        while (true)
        {
            var found = await Client.GetAsync(jobs, limit.Token);
            if (found.All(static status => status.HasEnded))
            {
                return found;
            }

            await Task.Delay(50, limit.Token);
        }
    }

    public async Task<IReadOnlyList<string>> Submit(params IReadOnlyList<JobSpecification> jobs) =>
        [.. (await Client.SubmitAsync(jobs, TestContext.Current.CancellationToken)).Select(static job => job.Job)];

    public async Task<string> TextOf(StoredFile file)
    {
        using var reader = new StreamReader(await Client.Content.OpenAsync(file.Hash, TestContext.Current.CancellationToken));
        return await reader.ReadToEndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(CancellationToken.None);
        _host.Dispose();
    }
}
