using System.Diagnostics;
using System.Text.Json;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Cli;
using IsVit.Tool.Sweeps;

namespace IsVit.Tests.Programs.Tool;

/// <summary>What other programs use of <c>isvit quantize</c>: shares of units, progress as JSON, an end with the input's.</summary>
public sealed class UnitSharesTests
{
    [Theory]
    [InlineData("--units", "0/2", "--units is '0/2'; expected K/N with K from 1 to N")]
    [InlineData("--units", "3/2", "--units is '3/2'; expected K/N with K from 1 to N")]
    [InlineData("--units", "1/2", "--units computes units ahead into --checkpoint, which must be given")]
    [InlineData("--progress", "loud", "--progress is 'loud'; allowed is one of auto, plain, json.")]
    public async Task Quantize_ShareThatIsNone_IsRefused(string option, string value, string expected)
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 1);

        (await ToolRun.Of(FashionFolder.Quantize(folder, option, value))).AssertRefused(expected);
    }

    [Fact]
    public async Task Quantize_OneShare_KeepsItsUnitsAndTellsProgressAsJson()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--units", "2/3", "--checkpoint", folder["units"], "--progress", "json"));

        Assert.Equal(("", 0), (run.Error, run.ExitCode));

        // Of nine units the second, fifth and eighth; none of them is without activations.
        Assert.Equal(["001", "004", "007"], Directory.GetFiles(folder["units"], "stage*.safetensors").Select(static file => Path.GetFileName(file).Split(".unit")[1][..3]).Order(StringComparer.Ordinal));
        var lines = run.Output.Split('\n').Where(static line => line.StartsWith('{')).Select(static line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Contains(lines, static line => line.GetProperty("unit").GetString() == "blocks.3");
        Assert.All(lines, static line => Assert.InRange(line.GetProperty("fraction").GetDouble(), 0, 1));
        Assert.All(lines, static line => Assert.Equal("isvit W4A4, units 2/3", line.GetProperty("progress").GetString()));
        Assert.EndsWith($"reconstructed 3 units ahead; {folder["units"]} holds 3\n", run.Output, StringComparison.Ordinal);
    }

    /// <summary>A program that is killed cannot say so: the end of the pipe does.</summary>
    [Fact]
    public async Task Quantize_InputEnds_StopsAndKeepsWhatIsFinished()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var watch = new Watcher(folder["units"], stop);

        var clock = Stopwatch.StartNew();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ToolProcess.RunAsync(
            FashionFolder.Quantize(folder, "--iterations", "1000000", "--checkpoint", folder["units"], "--progress", "json", "--stop-with-input").Where(static (_, i) => i is not (11 or 12)),
            threads: 1,
            watch,
            stop.Token));

        Assert.True(watch.Seen, "the run has not begun");
        Assert.True(clock.Elapsed < TimeSpan.FromMinutes(2), "the process went on");
        Assert.True(File.Exists(Path.Combine(folder["units"], "run.json")));

        // Nobody holds the checkpoint any more.
        using var free = new FileStream(Path.Combine(folder["units"], "run.lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
    }

    private sealed class Watcher(string folder, CancellationTokenSource stop) : IProgress<IsVit.Tool.Progress.ProgressLine>
    {
        public bool Seen { get; private set; }

        public void Report(IsVit.Tool.Progress.ProgressLine value)
        {
            if (value.Unit.StartsWith("blocks", StringComparison.Ordinal) && Directory.Exists(folder))
            {
                Seen = true;
                stop.Cancel();
            }
        }
    }
}
