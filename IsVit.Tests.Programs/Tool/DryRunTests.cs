using System.Text.Json;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Recipes;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Programs.Tool;

/// <summary>What <c>isvit quantize --dry-run</c> tells of a run.</summary>
public sealed class DryRunTests
{
    [Fact]
    public async Task Quantize_DryRun_TellsSitesAndSize_AndWritesNothing()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        string[] arguments = FashionFolder.Quantize(folder, "--method", "minmax", "--weight-bits", "3", "--output", folder["out"], "--final-score-only");
        var before = folder.Entries.ToList();

        var dry = await ToolRun.Of([.. arguments, "--dry-run"]);
        var after = folder.Entries.ToList();
        await ToolRun.Of([.. arguments, "--dry-run", "--json", folder["plan.json"]]);
        await ToolRun.Of(arguments);

        Assert.Equal(("", 0), (dry.Error, dry.ExitCode));
        Assert.Equal(before, after);
        Assert.Matches(@"\| Weight +\| uniform +\| channel:0 +\| +3 \| +26 \|", dry.Output);
        Assert.Contains("dry run: nothing was quantized or saved\n", dry.Output, StringComparison.Ordinal);
        var plan = Read(folder["plan.json"]);
        Assert.Equal(("vit_fashion", "minmax", 305_034 * 4), (plan.GetProperty("model").GetString(), plan.GetProperty("method").GetString(), plan.GetProperty("floatBytes").GetInt64()));
        Assert.Equal(QuantizationRecipes.Find("minmax")!.Stages.Select(static stage => stage.Name), plan.GetProperty("stages").EnumerateArray().Select(static stage => stage.GetProperty("name").GetString()));
        Assert.InRange((double)new FileInfo(folder["out/quantized.safetensors"]).Length / plan.GetProperty("modelBytes").GetInt64(), 0.8, 1.25);
        Assert.InRange(plan.GetProperty("seconds").GetDouble(), 1e-6, double.MaxValue);
        Assert.InRange(plan.GetProperty("peakMemoryMb").GetDouble(), 1, double.MaxValue);
    }

    /// <summary>What is kept of a unit's activations grows with the images, and the steps are those asked for.</summary>
    [Fact]
    public async Task Quantize_DryRunOfReconstruction_CountsStepsAndActivations()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);

        var few = await Plan("4");
        var many = await Plan("12");

        Assert.Equal(3 * few.GetProperty("activationBytes").GetInt64(), many.GetProperty("activationBytes").GetInt64());
        Assert.InRange(few.GetProperty("activationBytes").GetInt64(), 4 * 2 * 17 * 64 * 4, 1 << 24);
        Assert.Equal(8, few.GetProperty("units").GetInt32());
        Assert.Contains(few.GetProperty("stages").EnumerateArray(), static stage => stage.GetProperty("iterations").GetInt64() == 8 * 5);
        Assert.False(Directory.Exists(folder["out.checkpoint"]));

        async Task<JsonElement> Plan(string count)
        {
            var run = await ToolRun.Of(
                "quantize", "--model", "vit_fashion", "--weights", folder["weights.safetensors"], "--calibration", folder["images"], "--calibration-count", count, "--iterations", "5", "--views", "1", "--output", folder["out"],
                "--dry-run", "--json", folder["plan.json"]);
            Assert.Equal(("", 0), (run.Error, run.ExitCode));
            Assert.Contains($"keeps finished units in {folder["out.checkpoint"]}; if stopped, the same command goes on from there\n", run.Output, StringComparison.Ordinal);
            return Read(folder["plan.json"]);
        }
    }

    [Fact]
    public async Task Quantize_DryRunWithABudget_LeavesBitsToTheRun()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--method", RecipeNames.MinMax, "--budget", "4.5bits", "--dry-run", "--json", folder["plan.json"]));

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains("by --budget", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("expected size", run.Output, StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, Read(folder["plan.json"]).GetProperty("modelBytes").ValueKind);
    }

    [Fact]
    public async Task Quantize_DryRunOfADetector_TellsItsSites()
    {
        using var folder = new TemporaryFolder();
        SceneFolder.Write(folder);

        var run = await ToolRun.Of(SceneFolder.Quantize(folder, "--calibration-count", "1", "--dry-run", "--json", folder["plan.json"]));

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        var plan = Read(folder["plan.json"]);
        Assert.Equal("swin_micro_mask_rcnn", plan.GetProperty("model").GetString());
        Assert.InRange(plan.GetProperty("sites").EnumerateArray().Sum(static sites => sites.GetProperty("count").GetInt32()), 50, 200);
    }

    private static JsonElement Read(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return document.RootElement.Clone();
    }
}
