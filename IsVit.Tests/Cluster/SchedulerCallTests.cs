using IsVit.Cluster.Jobs;
using IsVit.Cluster.Scheduling;
using IsVit.Cluster.Storage;
using IsVit.Tests.TestSupport;
using Microsoft.Data.Sqlite;

namespace IsVit.Tests.Cluster;

/// <summary>Many calls at once.</summary>
public sealed class SchedulerCallTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        _folder.Dispose();
    }

    /// <summary>While the database keeps the lending of one job waiting, other workers are answered, and get other jobs or none.</summary>
    [Fact]
    public async Task Take_WhileAnotherIsWritten_IsAnswered()
    {
        var database = ClusterDatabase.Sqlite(_folder["cluster.db"]);
        await using var cluster = await OneSilo.StartAsync(_folder, run: null, database: database);
        var id = Assert.Single(await cluster.Submit(OneSilo.Job(0)));
        var scheduler = cluster.Grains.GetGrain<ISchedulerGrain>(ISchedulerGrain.Key);
        Task<JobAssignment?> first;
        using (var other = new SqliteConnection(database.ConnectionString))
        {
            await other.OpenAsync(TestContext.Current.CancellationToken);
            using var writing = other.BeginTransaction(deferred: false);
            first = scheduler.TakeAsync(Offer("first"));

            Assert.Null(await scheduler.TakeAsync(Offer("second")).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
            Assert.Equal(["first", "second"], (await GetWorkersAfter(first, writing)).Select(static offer => offer.Worker));
        }

        Assert.Equal(id, (await first)?.Job);

        async Task<IReadOnlyList<WorkerOffer>> GetWorkersAfter(Task<JobAssignment?> taken, SqliteTransaction writing)
        {
            Assert.False(taken.IsCompleted, "the job was lent although nothing could be written");
            await writing.RollbackAsync(TestContext.Current.CancellationToken);
            await taken;
            return await scheduler.GetWorkersAsync();
        }
    }

    /// <summary>More writers than a database in a file has: they wait for each other.</summary>
    [Fact]
    public async Task Submit_ManyAtOnceToAFile_AllAreKept()
    {
        var database = ClusterDatabase.Sqlite(_folder["cluster.db"]);
        await using var cluster = await OneSilo.StartAsync(_folder, run: null, database: database);
        JobSpecification[] jobs = [.. Enumerable.Range(0, 200).Select(static i => OneSilo.Job(i))];

        var states = await Task.WhenAll(jobs.Select(job => cluster.Grains.GetGrain<IJobGrain>(job.Hash()).SubmitAsync(job)));

        Assert.All(states, static status => Assert.Equal(JobState.Waiting, status.State));
        using var connection = new SqliteConnection(database.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        Assert.Equal("wal", Value("PRAGMA journal_mode"));
        Assert.Equal((long)jobs.Length, Value("SELECT COUNT(*) FROM OrleansStorage WHERE GrainTypeString LIKE '%job%'"));

        object? Value(string text)
        {
            using var command = connection.CreateCommand();
            command.CommandText = text;
            return command.ExecuteScalar();
        }
    }

    private static WorkerOffer Offer(string worker) => new(worker, 1, long.MaxValue, 0, DelegateRunner.Version);
}
