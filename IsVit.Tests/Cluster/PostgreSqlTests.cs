using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IsVit.Cluster;
using IsVit.Cluster.Content;
using IsVit.Cluster.Hosting;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Storage;
using IsVit.Tests.TestSupport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace IsVit.Tests.Cluster;

/// <summary>Clusters of several members with a real PostgreSQL server.</summary>
public sealed class PostgreSqlTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    /// <summary>The database goes away as in a crash and comes back, a member leaves: every job ends, each result counted once.</summary>
    [Fact]
    public async Task Jobs_OverTwoMembers_EndThoughTheDatabaseCrashesAndAMemberLeaves()
    {
        using var server = PostgreSqlServer.StartOrSkip();
        var database = ClusterDatabase.PostgreSql(server.ConnectionString);
        var workers = new ConcurrentDictionary<string, int>();
        await using var first = await OneSilo.StartAsync(_folder, Run("first"), worker: OneSilo.Worker(_folder) with { Name = "first" }, database: database);
        var second = await OneSilo.StartAsync(_folder, Run("second"), worker: OneSilo.Worker(_folder) with { Name = "second" }, database: database);

        // A process that is no member submits and looks.
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client.UseIsVitCluster(new ClusterOptions { Database = database, Content = new FolderContentStore(_folder["content"]) }));
        using var host = builder.Build();
        await host.StartAsync(Token);
        var client = host.Services.GetRequiredService<JobClient>();
        var submitted = await client.SubmitAsync([.. Enumerable.Range(0, 30).Select(static i => OneSilo.Job(i))], Token);
        string[] ids = [.. submitted.Select(static job => job.Job)];

        await Until(async () => (await client.GetAsync(ids, Token)).Count(static status => status.State == JobState.Done) >= 4);
        server.Stop();
        await Task.Delay(TimeSpan.FromSeconds(2), Token);
        server.Start();
        await Until(async () => (await client.GetAsync(ids, Token)).Count(static status => status.State == JobState.Done) >= 16);
        await second.DisposeAsync();
        await Until(async () => (await client.GetAsync(ids, Token)).All(static status => status.HasEnded));

        var ended = await client.GetAsync(ids, Token);
        Assert.All(ended, static status => Assert.Equal((JobState.Done, 1), (status.State, status.Result!.Files.Count)));
        Assert.Equal(["first", "second"], workers.Keys.Order(StringComparer.Ordinal));
        for (var i = 0; i < ids.Length; i++)
        {
            using var reader = new StreamReader(await client.Content.OpenAsync(ended[i].Result!.Files[0].Hash, Token));
            Assert.Equal(FormattableString.Invariant($"{i}"), await reader.ReadToEndAsync(Token));
        }

        await host.StopAsync(Token);

        Func<IsVit.Cluster.Workers.JobRun, CancellationToken, Task<IReadOnlyDictionary<string, string>>> Run(string name) => async (run, cancellationToken) =>
        {
            workers.AddOrUpdate(name, 1, static (_, count) => count + 1);
            await Task.Delay(150, cancellationToken);
            return OneSilo.Result(run, FormattableString.Invariant($"{OneSilo.Number(run)}"));
        };
    }

    /// <summary>Who does not show the cluster's certificate is not let in.</summary>
    [Fact]
    public async Task Client_WithoutTheClustersCertificate_IsRefused()
    {
        using var server = PostgreSqlServer.StartOrSkip();
        var database = ClusterDatabase.PostgreSql(server.ConnectionString);
        await database.PrepareAsync(Token);
        using var certificate = Certificate();
        using var other = Certificate();
        using var silo = Build(builder => builder.UseOrleans(host => host.UseIsVitCluster(Options(certificate))));
        await silo.StartAsync(Token);

        using var member = Build(builder => builder.UseOrleansClient(client => client.UseIsVitCluster(Options(certificate))));
        await member.StartAsync(Token);
        Assert.Equal(JobState.Unknown, Assert.Single(await member.Services.GetRequiredService<JobClient>().GetAsync([new string('0', 64)], Token)).State);
        await member.StopAsync(Token);
        foreach (var shown in new[] { null, other })
        {
            using var stranger = Build(builder => builder.UseOrleansClient(client => client.UseIsVitCluster(Options(shown))));
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
            limit.CancelAfter(TimeSpan.FromSeconds(6));
            await Assert.ThrowsAnyAsync<Exception>(() => stranger.StartAsync(limit.Token));
        }

        await silo.StopAsync(Token);

        ClusterOptions Options(X509Certificate2? shown) => new() { Database = database, Content = new FolderContentStore(_folder["content"]), Certificate = shown };

        static IHost Build(Action<HostApplicationBuilder> configure)
        {
            var builder = Host.CreateApplicationBuilder();
            builder.Logging.ClearProviders();
            configure(builder);
            return builder.Build();
        }

        static X509Certificate2 Certificate()
        {
            using var key = RSA.Create(2048);
            using var made = new CertificateRequest("CN=isvit", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        }
    }

    [Fact]
    public async Task Prepare_ServerThatIsNotThere_SaysSoWithoutThePassword()
    {
        var error = await Assert.ThrowsAsync<ClusterException>(() => ClusterDatabase.PostgreSql("Host=127.0.0.1;Port=1;Username=isvit;Password=secret;Database=isvit;Timeout=2").PrepareAsync(Token));

        Assert.StartsWith("The cluster's database cannot be used: ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
    }

    private static async Task Until(Func<Task<bool>> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(TimeSpan.FromMinutes(2));
        while (true)
        {
            try
            {
                if (await condition())
                {
                    return;
                }
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                // A state cannot be read while the database is away.
            }

            await Task.Delay(100, limit.Token);
        }
    }
}
