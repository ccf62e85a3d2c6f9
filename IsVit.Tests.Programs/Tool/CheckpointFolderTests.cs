using System.Globalization;
using System.Text.Json;
using IsVit.Model.Files;
using IsVit.Optimization.Recipes;
using IsVit.Tests.TestSupport;
using IsVit.Tool;
using IsVit.Tool.Runs;
using IsVit.Tool.Workloads;

namespace IsVit.Tests.Programs.Tool;

/// <summary>What a run keeps for the case that it is stopped.</summary>
public sealed class CheckpointFolderTests
{
    [Fact]
    public async Task Quantize_UnitsKeptByARunThatWasStopped_AreTakenUpAndGoWhenTheModelIsSaved()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        string[] arguments =
        [
            "quantize", "--model", "vit_fashion", "--weights", folder["weights.safetensors"], "--calibration", folder["images"], "--method", RecipeNames.Baseline, "--iterations", "1", "--views", "1", "--tuning-steps", "0",
        ];

        // The place of the model is taken after it was found to be free.
        var started = ToolRun.Of([.. arguments, "--output", folder["out"]]);
        SpinWait.SpinUntil(() => started.IsCompleted || Directory.GetDirectories(folder.Path, "out.*.tmp").Length > 0);

        File.WriteAllText(folder["out"], "");
        var first = await started;
        File.Delete(folder["out"]);
        var units = Directory.GetFiles(folder["out.checkpoint"], "stage*.unit*.safetensors").Length;
        var other = await ToolRun.Of([.. arguments, "--output", folder["out"], "--seed", "5"]);
        var seconds = Directory.GetFiles(folder["out.checkpoint"], "stage*.unit*.safetensors").Order(StringComparer.Ordinal).Select(Seconds).ToList();
        var kept = Directory.GetFiles(folder["out.checkpoint"], "stage*.unit*.safetensors").Length;
        var same = await ToolRun.Of([.. arguments, "--output", folder["out"], "--json", folder["same.json"]]);

        Assert.Equal(1, first.ExitCode);
        Assert.StartsWith(FormattableString.Invariant($"isvit: {units} reconstructed units are kept in {folder["out.checkpoint"]}; the same command goes on from there.\n"), first.Error, StringComparison.Ordinal);
        Assert.InRange(units, 2, 100);
        other.AssertRefused($"'{folder["out.checkpoint"]}' holds the checkpoint of a run that differs in options (Seed is 0 there and 5 here).");
        Assert.EndsWith(" --restart deletes what is kept there and starts anew.\n", other.Error, StringComparison.Ordinal);
        Assert.Equal(units, kept);
        Assert.Equal(("", 0), (same.Error, same.ExitCode));
        Assert.Contains(FormattableString.Invariant($"of a run that was stopped, {units} reconstructed units are kept in {folder["out.checkpoint"]}\n"), same.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["out.checkpoint"]));
        Assert.True(File.Exists(folder["out/quantized.safetensors"]));

        // A unit that was read again keeps the time that it took once, to a tick.
        using var report = JsonDocument.Parse(File.ReadAllText(folder["same.json"]));
        var again = report.RootElement.GetProperty("units").EnumerateArray().Select(static unit => unit.GetProperty("seconds").GetDouble()).ToList();
        Assert.All(seconds, time => Assert.Contains(again, other => Math.Abs(other - time) < 2e-7));

        static double Seconds(string path)
        {
            using var unit = SafetensorsReader.Open(path);
            return double.Parse(unit.Metadata["seconds"], CultureInfo.InvariantCulture);
        }
    }

    [Fact]
    public async Task Quantize_Restart_DeletesWhatWasKeptAndNothingElse()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        folder.File("out.checkpoint/run.json", "{}"u8);
        folder.File("out.checkpoint/stage0.unit000.head.safetensors", []);
        folder.File("out.checkpoint/stage0.unit001.head.safetensors.0123.tmp", []);
        folder.File("out.checkpoint/run.json.0123.tmp", []);
        folder.File("out.checkpoint/notes.txt", []);
        var arguments = FashionFolder.Quantize(folder, "--method", RecipeNames.Baseline, "--views", "1", "--output", folder["out"], "--final-score-only");

        (await ToolRun.Of(arguments)).AssertRefused("holds the checkpoint of a run that differs in options");
        var run = await ToolRun.Of([.. arguments, "--restart"]);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains($"keeps finished units in {folder["out.checkpoint"]}; if stopped, the same command goes on from there\n", run.Output, StringComparison.Ordinal);
        Assert.Equal([folder["out.checkpoint/notes.txt"]], Directory.GetFileSystemEntries(folder["out.checkpoint"]));
    }

    [Theory]
    [InlineData("out", null, false, RecipeNames.ISVit, "out.checkpoint")]
    [InlineData("out/", null, false, RecipeNames.ISVit, "out.checkpoint")]
    [InlineData("out", "mine", false, RecipeNames.MinMax, "mine")]
    [InlineData("out", null, true, RecipeNames.ISVit, null)]
    [InlineData(null, null, false, RecipeNames.ISVit, null)]
    [InlineData("out", null, false, RecipeNames.MinMax, null)]
    public void Of_Arguments_IsBesideTheOutputWhereUnitsAreReconstructed(string? output, string? checkpoint, bool isOff, string method, string? expected)
    {
        var folder = CheckpointFolder.Of(new QuantizeArguments { Weights = "w", Calibration = "c", Method = method, Device = TorchSharp.torch.CPU, Output = output, Checkpoint = checkpoint, NoCheckpoint = isOff });

        Assert.Equal((expected, expected is not null && checkpoint is null), (folder?.Path, folder?.IsAutomatic ?? false));
    }

    [Fact]
    public void Clear_FolderOfARunThatIsGoingOn_Refuses()
    {
        using var folder = new TemporaryFolder();
        folder.File("out.checkpoint/stage0.unit000.head.safetensors", []);
        using var running = new FileStream(folder["out.checkpoint/run.lock"], FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        var checkpoint = CheckpointFolder.Of(new QuantizeArguments { Weights = "w", Calibration = "c", Method = RecipeNames.ISVit, Device = TorchSharp.torch.CPU, Output = folder["out"] })!;

        Assert.Contains("is the checkpoint of a run that is going on", Assert.Throws<ToolException>(checkpoint.Clear).Message, StringComparison.Ordinal);
        Assert.Equal(1, checkpoint.UnitCount);
    }

    [Fact]
    public async Task Quantize_CheckpointAndNone_IsRefused() =>
        (await ToolRun.Of("quantize", "--weights", "w", "--calibration", "c", "--checkpoint", "d", "--no-checkpoint")).AssertRefused("--checkpoint and --no-checkpoint: give one of them.");
}
