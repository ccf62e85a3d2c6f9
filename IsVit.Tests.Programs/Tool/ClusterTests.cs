using System.Diagnostics;
using System.Text.Json;
using IsVit.Tests.TestSupport;

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
              - { name: long, iterations: 250, views: 1 }
              - { name: short, method: minmax }
              - { name: baseline, method: baseline, iterations: 1 }
            """);
        using var first = new Worker(folder, "first");
        await first.Ready();
        using var second = new Worker(folder, "second");
        await second.Ready();

        var sweep = ToolRun.Of(TestContext.Current.CancellationToken, "sweep", folder["sweep.yaml"], "--output", folder["out"], "--cluster", folder["cluster.txt"], "--store", folder["store"], "--no-estimate");

        // Whoever has the long run and has put a unit of it into the store.
        var (killed, other) = (await OwnerOfAFinishedUnit(first, second)) is var owner && owner == first ? (first, second) : (second, first);
        var child = killed.Child();
        killed.Kill();
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

        async Task<Worker> OwnerOfAFinishedUnit(params Worker[] workers)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            limit.CancelAfter(TimeSpan.FromMinutes(2));
            while (true)
            {
                Assert.False(sweep.IsCompleted, sweep.IsCompleted ? (await sweep).ToString() : "");
                if (workers.FirstOrDefault(static worker => worker.HasStoredAUnit) is { } found)
                {
                    return found;
                }

                await Task.Delay(20, limit.Token);
            }
        }
    }

    // What held parts of the cluster is gone for some seconds, which the sweep says and waits for.
    private static string WithoutOutages(string error) => string.Concat(error.Split('\n').Where(static line => !line.StartsWith("isvit: the cluster does not answer: ", StringComparison.Ordinal)));

    private sealed class Worker : IDisposable
    {
        private readonly Process _process;
        private readonly TemporaryFolder _folder;
        private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Worker(TemporaryFolder folder, string name)
        {
            (_folder, Name) = (folder, name);
            var (program, arguments) = IsVit.Tool.Sweeps.ToolProcess.Program();
            var start = new ProcessStartInfo(program, [.. arguments, "worker", "--cluster", folder["cluster.txt"], "--store", folder["store"], "--folder", folder[name], "--name", name, "--threads", "1", "--lease", "10"])
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

        // A file of a unit in the job's folder, at least one round of beats old.
        public bool HasStoredAUnit => Directory.Exists(_folder[$"{Name}/jobs"])
            && Directory.GetFiles(_folder[$"{Name}/jobs"], "stage*.safetensors", SearchOption.AllDirectories).Any(static file => DateTime.UtcNow - File.GetLastWriteTimeUtc(file) > TimeSpan.FromSeconds(6));

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
                return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
            }
            catch (IOException)
            {
                return 0;
            }
        }
    }
}
