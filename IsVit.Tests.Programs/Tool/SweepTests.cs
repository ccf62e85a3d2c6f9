using System.Globalization;
using System.Text.Json;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Workers;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Cli;
using IsVit.Tool.Sweeps;
using IsVit.Tool.Terminal;

namespace IsVit.Tests.Programs.Tool;

/// <summary>Many runs by one command, each a job of a cluster within the process and a process of its own.</summary>
public sealed class SweepTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Sweep_BitsAndMethods_ModelsAreThoseOfSingleRuns_AndNothingIsDoneTwice(int unitShares)
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 8);
        Write(folder, string.Create(CultureInfo.InvariantCulture, $$"""
            calibration: images
            labels: labels.csv
            images: images
            iterations: 1
            batch: 4
            tuning-steps: 1
            models:
              - name: small
                model: vit_fashion
                weights: weights.safetensors
            bits: [4/5]
            methods: [isvit, minmax]
            overrides:
              - name: plain
              - name: eager
                Reconstruction:QuantizerLearningRate: 0.02
            unit-shares: {{unitShares}}
            """));

        var sweep = await ToolRun.Of("sweep", folder["sweep.yaml"], "--output", folder["out"], "--no-estimate", "--threads", "2");

        Assert.Equal(("", 0), (sweep.Error, sweep.ExitCode));
        Assert.StartsWith("4 runs: 1 models x 1 bits x 2 methods x 2 overrides\n", sweep.Output, StringComparison.Ordinal);
        string[] names = ["small-w4a5-isvit-plain", "small-w4a5-isvit-eager", "small-w4a5-minmax-plain", "small-w4a5-minmax-eager"];
        Assert.Equal(names.Order(StringComparer.Ordinal), Directory.GetDirectories(folder["out/runs"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (var name in names)
        {
            // The run's own file makes the same model by hand.
            var single = await ToolRun.Of("quantize", "--config", folder[$"out/runs/{name}/run.json"], "--output", folder[$"single/{name}"]);
            Assert.Equal(("", 0), (single.Error, single.ExitCode));
            Assert.Equal(File.ReadAllBytes(folder[$"single/{name}/quantized.safetensors"]), File.ReadAllBytes(folder[$"out/runs/{name}/quantized.safetensors"]));
        }

        var table = File.ReadAllLines(folder["out/results.csv"]);
        Assert.StartsWith("run,model,method,weight_bits,activation_bits,seed,score,float_score,logits_mse,", table[0], StringComparison.Ordinal);
        Assert.Equal(names, table.Skip(1).Select(static line => line.Split(',')[0]));
        Assert.All(table.Skip(1), static line => Assert.Equal(["vit_fashion", "4", "5", "0"], line.Split(',').Where(static (_, i) => i is 1 or 3 or 4 or 5)));
        using var json = JsonDocument.Parse(File.ReadAllText(folder["out/results.json"]));
        var row = json.RootElement.GetProperty("rows")[0];
        Assert.Equal(new FileInfo(folder["out/runs/small-w4a5-isvit-plain/quantized.safetensors"]).Length, row.GetProperty("modelBytes").GetInt64());
        Assert.Equal(("here", 1), (row.GetProperty("worker").GetString(), row.GetProperty("tries").GetInt32()));
        Assert.Contains("| small-w4a5-minmax-eager | vit_fashion | minmax | 4 | 5 |", File.ReadAllText(folder["out/results.md"]), StringComparison.Ordinal);
        var page = File.ReadAllText(folder["out/index.html"]);
        Assert.Equal(2, page.Split("<svg ").Length - 1);
        Assert.All(names, name => Assert.Contains(name, page, StringComparison.Ordinal));

        var cancelled = await ToolRun.Of("sweep", folder["sweep.yaml"], "--output", folder["out"], "--cancel");
        Assert.Equal(("", 0), (cancelled.Error, cancelled.ExitCode));
        Assert.EndsWith("0 of 4 runs are called off\n", cancelled.Output, StringComparison.Ordinal);
        var again = await ToolRun.Of("sweep", folder["sweep.yaml"], "--output", folder["out"], "--no-estimate");

        Assert.Equal(("", 0), (again.Error, again.ExitCode));
        Assert.All(names, name => Assert.Contains($"{name}: done before (4 of 4 ended)\n", again.Output, StringComparison.Ordinal));
        Assert.Equal(table, File.ReadAllLines(folder["out/results.csv"]));
    }

    [Fact]
    public async Task Sweep_OneModelIsBroken_ItsErrorIsToldAndTheOthersEnd()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        File.WriteAllBytes(folder["cut.safetensors"], File.ReadAllBytes(folder["weights.safetensors"])[..^100]);
        Write(folder, """
            calibration: images
            methods: [minmax]
            models:
              - { name: broken, model: vit_fashion, weights: cut.safetensors }
              - { name: sound, model: vit_fashion, weights: weights.safetensors }
            """);

        var sweep = await ToolRun.Of("sweep", folder["sweep.yaml"], "--output", folder["out"], "--no-estimate");
        var table = File.ReadAllLines(folder["out/results.csv"]).Select(static line => line.Split(',')).ToList();

        Assert.Equal(1, sweep.ExitCode);
        Assert.StartsWith("isvit: broken-minmax: isvit: ", sweep.Error, StringComparison.Ordinal);
        Assert.Contains("cut.safetensors", sweep.Error, StringComparison.Ordinal);
        Assert.Equal(1, sweep.Error.Count(static letter => letter == '\n'));
        Assert.Equal(["broken-minmax", "sound-minmax"], table.Skip(1).Select(static row => row[0]));
        Assert.False(File.Exists(folder["out/runs/broken-minmax/quantized.safetensors"]));
        Assert.True(File.Exists(folder["out/runs/sound-minmax/quantized.safetensors"]));

        // It is tried once: no machine can do what the file does not allow.
        using var json = JsonDocument.Parse(File.ReadAllText(folder["out/results.json"]));
        Assert.Equal(1, json.RootElement.GetProperty("rows")[0].GetProperty("tries").GetInt32());
        Assert.Contains("Runs without a result", File.ReadAllText(folder["out/index.html"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sweep_DryRun_TellsTimeAndMemoryOfEachKindAndBeginsNothing()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        Write(folder, """
            calibration: images
            iterations: 1
            methods: [minmax]
            seeds: [0, 1, 2]
            models:
              - { model: vit_fashion, weights: weights.safetensors }
            """);

        var first = await ToolRun.Of("sweep", folder["sweep.yaml"], "--output", folder["out"], "--dry-run");
        var second = await ToolRun.Of("sweep", folder["sweep.yaml"], "--output", folder["out"], "--dry-run");

        Assert.Equal(("", 0), (first.Error, first.ExitCode));
        Assert.Contains("measuring 1 of 1: vit_fashion-minmax-s0\n", first.Output, StringComparison.Ordinal);
        Assert.Contains("expected: less than a minute with ", first.Output, StringComparison.Ordinal);
        Assert.Matches(@"\| vit_fashion-minmax-s2 +\| +00:0\d \| +\d{2,4} \|", first.Output);
        Assert.DoesNotContain("measuring", second.Output, StringComparison.Ordinal);
        Assert.Equal(0, second.ExitCode);
        Assert.False(File.Exists(folder["out/results.csv"]));
        Assert.All(Directory.GetDirectories(folder["out/runs"]), static run => Assert.Equal(["run.json"], Directory.GetFiles(run).Select(Path.GetFileName)));
    }

    [Theory]
    [InlineData("bits: [9/4]", "bits has '9/4'; expected weights/activations such as 4/4")]
    [InlineData("bits: 4", "bits is no list; expected entries that begin with '-'.")]
    [InlineData("output: elsewhere", "'output' is the worker's to decide, and not a sweep's.")]
    [InlineData("Reconstruction: { CacheDirectory: /tmp }", "'Reconstruction:CacheDirectory' is the worker's to decide")]
    [InlineData("overrides: [{ iterations: 3 }]", "an entry of overrides has no 'name'.")]
    [InlineData("overrides: [{ name: ../up }]", "overrides has the name '../up'; expected letters, digits")]
    [InlineData("seeds: [1, 1]", "two runs would be called 'vit_fashion-s1'; give models and overrides a 'name' each.")]
    [InlineData("threads: none", "threads is 'none'; expected 1 to 4096.")]
    [InlineData("iteration: 3", "there is no option 'iteration'; did you mean 'iterations'")]
    [InlineData("methods: [isvitt]", "method: Argument 'isvitt' not recognized.")]
    [InlineData("models: [{ model: vit_fashion, weights: nowhere }]", "weights is '")]
    public async Task Sweep_FileThatIsWrong_IsRefusedBeforeAnythingRuns(string line, string expected)
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 1);
        Write(folder, line.StartsWith("models:", StringComparison.Ordinal) ? $"calibration: images\n{line}\n" : $"calibration: images\nmodels:\n  - {{ model: vit_fashion, weights: weights.safetensors }}\n{line}\n");

        var sweep = await ToolRun.Of("sweep", folder["sweep.yaml"], "--output", folder["out"], "--no-estimate");

        sweep.AssertRefused(expected);
        Assert.False(File.Exists(folder["out/results.csv"]));
    }

    [Theory]
    [InlineData("--store x", "--store is for a cluster: give --cluster as well.")]
    [InlineData("--cluster Host=nowhere;Typo=1 --store x", "The connection string of the cluster's database cannot be read")]
    [InlineData("--cluster Host=127.0.0.1", "--store is not given")]
    [InlineData("--store-endpoint http://127.0.0.1:1", "--store-endpoint is for a cluster: give --cluster as well.")]
    [InlineData("--cluster Host=127.0.0.1 --store x --store-endpoint http://127.0.0.1:1", "--store-endpoint is for a store in S3: give --store s3://BUCKET/PREFIX as well.")]
    [InlineData("--cluster Host=127.0.0.1 --store s3://bucket/x --store-endpoint localhost", "--store-endpoint is no URL; expected the address of a server")]
    [InlineData("--cluster Host=127.0.0.1 --store s3://bucket/x --store-endpoint http://name:word@127.0.0.1:1", "The store's endpoint is not as expected: http://HOST:PORT or https://HOST")]
    [InlineData("--cluster Host=127.0.0.1 --store s3://b/x", "The store's bucket is 'b'; expected 3 to 255 letters")]
    [InlineData("--cluster Host=127.0.0.1 --store https://bucket/x", "--store begins with 'https://'; expected a folder or s3://BUCKET/PREFIX.")]
    [InlineData("--devices cuda:x", "--devices has 'cuda:x'; expected names such as cuda:0.")]
    public async Task Sweep_ClusterThatIsWrong_IsRefused(string options, string expected)
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 1);
        Write(folder, "calibration: images\nmodels:\n  - { model: vit_fashion, weights: weights.safetensors }\n");

        var sweep = await ToolRun.Of(["sweep", folder["sweep.yaml"], "--output", folder["out"], "--no-estimate", .. options.Split(' ')]);

        Assert.Equal(2, sweep.ExitCode);
        Assert.Contains(expected, sweep.Error, StringComparison.Ordinal);
    }

    /// <summary>What a job may say is decided here: a new option of the command that takes a path must be in one of the lists.</summary>
    [Fact]
    public void JobOptions_EveryPathOfQuantize_IsAnInputOrRefused()
    {
        var paths = QuantizeCommand.Create(ToolConsole.ForProcess()).Options.Where(PathOptions.IsPath).Select(static option => option.Name.TrimStart('-')).ToList();

        Assert.True(paths.Count >= 10, $"only {paths.Count} options take paths");
        Assert.Equal([], paths.Where(static name => !JobOptions.Inputs.Contains(name) && !JobOptions.Refused.Contains(name)));
    }

    [Theory]
    [InlineData("output", "/etc")]
    [InlineData("Output", "/etc")]
    [InlineData("weights", "/etc/passwd")]
    [InlineData("reconstruction:cachedirectory", "/")]
    [InlineData("config", "x")]
    public async Task Run_JobThatNamesAPath_IsRefusedForGood(string option, string value)
    {
        using var folder = new TemporaryFolder();
        var run = new JobRun
        {
            Specification = new JobSpecification { Program = "any", Options = new Dictionary<string, string> { [option] = value }, Inputs = new Dictionary<string, JobInput>() },
            Inputs = new Dictionary<string, string>(),
            Folder = folder.Path,
            CheckpointFolder = folder.Path,
            Progress = new Progress<JobProgress>(),
        };

        var error = await Assert.ThrowsAsync<JobFailedException>(() => new QuantizeJobRunner().RunAsync(run, TestContext.Current.CancellationToken));

        Assert.True(error.IsFinal);
        Assert.StartsWith($"The job has an option that it may not have: '{option}' ", error.Message, StringComparison.Ordinal);
        Assert.Empty(folder.Entries);
    }

    private static void Write(TemporaryFolder folder, string yaml) => File.WriteAllText(folder["sweep.yaml"], yaml);
}
