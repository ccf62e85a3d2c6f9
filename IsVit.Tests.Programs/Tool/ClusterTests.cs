using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using IsVit.Tests.TestSupport;
using Npgsql;

namespace IsVit.Tests.Programs.Tool;

/// <summary>A sweep over workers that are processes of their own, with a real PostgreSQL server.</summary>
public sealed class ClusterTests
{
    /// <summary>A worker is killed in the middle of a run: its process ends with it, another goes on from the last finished unit, and every model is that of a single run.</summary>
    [Fact]
    public async Task Sweep_AWorkerIsKilled_ModelsAreThoseOfSingleRuns()
    {
        using var server = PostgreSqlServer.StartOrSkip();
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 8);
        File.WriteAllText(folder["cluster.txt"], server.ConnectionString);
        File.WriteAllText(folder["sweep.yaml"], """
            calibration: images
            batch: 4
            tuning-steps: 1
            models:
              - { name: small, model: vit_fashion, weights: weights.safetensors }
            bits: [4]
            overrides:
              - { name: long, iterations: 100, views: 1 }
              - { name: short, method: minmax }
              - { name: shorter, method: percentile }
            """);
        using var first = new Worker(folder, "first", "--store", folder["store"]);
        await first.Ready();
        using var second = new Worker(folder, "second", "--store", folder["store"]);
        await second.Ready();

        var sweep = ToolRun.Of(TestContext.Current.CancellationToken, "sweep", folder["sweep.yaml"], "--output", folder["out"], "--cluster", folder["cluster.txt"], "--store", folder["store"], "--no-estimate");

        // Whoever has put a unit into the job's folder: only the long run has units. Its process waits from then on, so that however fast
        // this machine is, the run is in the middle when the cluster has the unit and the worker is killed.
        var (killed, other) = OwnerOfAFinishedUnit(first, second) == first ? (first, second) : (second, first);
        var child = killed.Child();
        Signals.Send("STOP", child);
        await ClusterKnows(server, killed.FirstUnit!);
        killed.Kill();
        Signals.Send("CONT", child);
        var ended = await sweep;

        Assert.Equal(("", 0), (WithoutOutages(ended.Error), ended.ExitCode));
        Assert.True(SpinWait.SpinUntil(() => !File.Exists($"/proc/{child}/stat"), TimeSpan.FromSeconds(30)), "the killed worker's job goes on");
        using var json = JsonDocument.Parse(File.ReadAllText(folder["out/results.json"]));
        var rows = json.RootElement.GetProperty("rows").EnumerateArray().ToDictionary(static row => row.GetProperty("name").GetString()!, StringComparer.Ordinal);
        Assert.Equal(3, rows.Count);
        Assert.Equal((2, other.Name), (rows["small-w4a4-long"].GetProperty("tries").GetInt32(), rows["small-w4a4-long"].GetProperty("worker").GetString()));
        foreach (var name in rows.Keys)
        {
            var single = await ToolRun.Of("quantize", "--config", folder[$"out/runs/{name}/run.json"], "--output", folder[$"single/{name}"]);
            Assert.Equal(("", 0), (single.Error, single.ExitCode));
            Assert.Equal(File.ReadAllBytes(folder[$"single/{name}/quantized.safetensors"]), File.ReadAllBytes(folder[$"out/runs/{name}/quantized.safetensors"]));
        }

        // Without the thread pool, which answers late on a busy machine: the run would be over.
        Worker OwnerOfAFinishedUnit(params Worker[] workers)
        {
            Worker? found = null;
            SpinWait.SpinUntil(() => sweep.IsCompleted || (found = workers.FirstOrDefault(static worker => worker.FirstUnit is not null)) is not null, TimeSpan.FromMinutes(2));
            return found ?? throw new InvalidOperationException($"no unit was found; {(sweep.IsCompleted ? sweep.Result : "the sweep goes on")}");
        }
    }

    /// <summary>The machines share a bucket and no folder: what the worker reads and what comes of it go through a server that speaks S3's protocol.</summary>
    [Fact]
    public async Task Sweep_StoreIsABucket_ModelIsThatOfASingleRun()
    {
        using var server = PostgreSqlServer.StartOrSkip();
        using var bucket = S3Server.StartOrSkip();
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        File.WriteAllText(folder["cluster.txt"], server.ConnectionString);
        File.WriteAllText(folder["sweep.yaml"], """
            calibration: images
            batch: 4
            iterations: 2
            views: 1
            tuning-steps: 1
            models:
              - { name: small, model: vit_fashion, weights: weights.safetensors }
            bits: [4]
            """);
        string[] store = ["--store", $"s3://{S3Server.Bucket}/sweeps", "--store-endpoint", bucket.Endpoint.AbsoluteUri];
        string[] command = ["sweep", folder["sweep.yaml"], "--output", folder["out"], "--cluster", folder["cluster.txt"], "--no-estimate"];
        using var worker = new Worker(folder, "worker", store);
        await worker.Ready();

        var wrong = await ToolRun.Of(TestContext.Current.CancellationToken, [.. command, "--store", "s3://elsewhere/sweeps", "--store-endpoint", bucket.Endpoint.AbsoluteUri]);
        var sweep = await ToolRun.Of(TestContext.Current.CancellationToken, [.. command, .. store]);

        Assert.Equal(($"isvit: There is no bucket 'elsewhere' at {bucket.Endpoint}.\n", 2), (wrong.Error, wrong.ExitCode));
        Assert.Equal(("", 0), (sweep.Error, sweep.ExitCode));
        var single = await ToolRun.Of("quantize", "--config", folder["out/runs/small-w4a4/run.json"], "--output", folder["single"]);
        Assert.Equal(("", 0), (single.Error, single.ExitCode));
        var model = File.ReadAllBytes(folder["single/quantized.safetensors"]);
        Assert.Equal(model, File.ReadAllBytes(folder["out/runs/small-w4a4/quantized.safetensors"]));
        foreach (var content in new[] { File.ReadAllBytes(folder["weights.safetensors"]), model })
        {
            // Asked for and sent by one side, and taken by the other.
            var path = $"/isvit/sweeps/{Path(content)}";
            Assert.Equal([$"HEAD {path}", $"PUT {path}", $"GET {path}"], bucket.Requests.Where(request => request.EndsWith(path, StringComparison.Ordinal)));
        }

        static string Path(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content)) is var hash ? $"{hash[..2]}/{hash}" : "";
    }

    // Until a record of the cluster names the file's content.
    private static async Task ClusterKnows(PostgreSqlServer server, string file)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(2));
        var hash = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(file, limit.Token)));
        await using var database = NpgsqlDataSource.Create(server.ConnectionString);
        await using var query = database.CreateCommand("SELECT count(*) FROM OrleansStorage WHERE position($1 IN convert_from(PayloadBinary, 'UTF8')) > 0");
        query.Parameters.AddWithValue(hash);
        while (await query.ExecuteScalarAsync(limit.Token) is 0L)
        {
            await Task.Delay(50, limit.Token);
        }
    }

    // What held parts of the cluster is gone for some seconds, which the sweep says and waits for.
    private static string WithoutOutages(string error) => string.Concat(error.Split('\n').Where(static line => !line.StartsWith("isvit: the cluster does not answer: ", StringComparison.Ordinal)));

    private sealed class Worker : IDisposable
    {
        private readonly Process _process;
        private readonly TemporaryFolder _folder;
        private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Worker(TemporaryFolder folder, string name, params string[] store)
        {
            (_folder, Name) = (folder, name);
            var (program, arguments) = IsVit.Tool.Sweeps.ToolProcess.Program();
            var start = new ProcessStartInfo(program, [.. arguments, "worker", "--cluster", folder["cluster.txt"], .. store, "--folder", folder[name], "--name", name, "--threads", "1", "--lease", "10"])
            {
                RedirectStandardOutput = true,
            };
            _process = Process.Start(start)!;
            _process.OutputDataReceived += (_, line) =>
            {
                if (line.Data?.StartsWith($"worker {name} of cluster isvit: 1 threads", StringComparison.Ordinal) == true)
                {
                    _ready.SetResult();
                }
            };
            _process.BeginOutputReadLine();
        }

        public string Name { get; }

        /// <summary>The file of the first unit that its job has finished; null if there is none.</summary>
        public string? FirstUnit => Directory.Exists(_folder[$"{Name}/jobs"])
            ? Directory.GetFiles(_folder[$"{Name}/jobs"], "stage*.safetensors", SearchOption.AllDirectories).Order(StringComparer.Ordinal).FirstOrDefault()
            : null;

        public Task Ready() => _ready.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

        /// <summary>The process of the job that it runs.</summary>
        public int Child() => Process.GetProcesses().Select(static process => process.Id).First(id => Parent(id) == _process.Id);

        public void Kill() => _process.Kill(entireProcessTree: false);

        public void Dispose()
        {
            if (!_process.HasExited)
            {
                _process.Kill(entireProcessTree: true);
            }

            _process.Dispose();
        }

        private static int Parent(int id)
        {
            try
            {
                var stat = File.ReadAllText($"/proc/{id}/stat");
                return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
            }
            catch (IOException)
            {
                return 0;
            }
        }
    }
}
