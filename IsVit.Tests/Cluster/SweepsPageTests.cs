using IsVit.Cluster.Content;
using IsVit.Cluster.Hosting;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Storage;
using IsVit.Cluster.Workers;
using IsVit.Tests.TestSupport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace IsVit.Tests.Cluster;

/// <summary>What docs/sweeps.md shows.</summary>
public sealed class SweepsPageTests
{
    [Fact]
    public async Task Host_AsOnThePage_RunsTheJob()
    {
        using var temporary = new TemporaryFolder();
        var (path, store, folder, file) = (temporary["jobs.db"], temporary["store"], temporary["worker"], temporary.File("weights.safetensors", "numbers"u8));
        var runner = new DelegateRunner((run, _) => Task.FromResult(OneSilo.Result(run, $"{run.Specification.Options["weight-bits"]} {File.ReadAllText(run.Inputs["weights"])}")));
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();

        // snippet: member
        var database = ClusterDatabase.Sqlite(path); // or ClusterDatabase.PostgreSql(connectionString)
        await database.PrepareAsync();
        builder.UseOrleans(silo => silo.UseIsVitCluster(new ClusterOptions { Database = database, Content = new FolderContentStore(store) }));
        builder.Services.AddIsVitWorker(new WorkerOptions { Folder = folder }, runner);
        // end

        using var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);

        // snippet: submit
        var client = host.Services.GetRequiredService<JobClient>();
        var weights = await new ContentUpload(client.Content).FileAsync(file);
        var job = new JobSpecification
        {
            Program = runner.Program,
            Options = new Dictionary<string, string> { ["weight-bits"] = "4" },
            Inputs = new Dictionary<string, JobInput> { ["weights"] = weights },
        };
        await client.SubmitAsync([job]);
        var status = (await client.GetAsync([job.Hash()]))[0];
        // end

        for (var i = 0; i < 600 && !status.HasEnded; i++)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
            status = (await client.GetAsync([job.Hash()]))[0];
        }

        Assert.Equal((JobState.Done, null), (status.State, status.Error));
        using var reader = new StreamReader(await client.Content.OpenAsync(status.Result!.Files[0].Hash, TestContext.Current.CancellationToken));
        Assert.Equal("4 numbers", await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
        await host.StopAsync(TestContext.Current.CancellationToken);
    }
}
