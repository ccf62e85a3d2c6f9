using System.Text.Json;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Programs.Tool;

public sealed class DriftTests
{
    [Fact]
    public async Task Drift_CalibrationImagesAndDarkOnes_ToldApartByEveryCommand()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 32);
        Directory.CreateDirectory(folder["dark"]);
        foreach (var i in Enumerable.Range(0, 16))
        {
            FashionFolder.WriteImage(folder[$"dark/{i:000}.png"], new byte[28 * 28]);
        }

        var quantize = await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--output", folder["out"]));
        var saved = folder["out/quantized.safetensors"];
        var same = await ToolRun.Of("drift", "--quantized", saved, "--images", folder["images"]);
        var dark = await ToolRun.Of("drift", "--quantized", saved, "--images", folder["dark"], "--json", folder["drift.json"]);
        var inspected = await ToolRun.Of("inspect", saved);
        var evaluatedSame = await ToolRun.Of("evaluate", "--quantized", saved, "--labels", folder["labels.csv"], "--images", folder["images"]);
        var evaluatedDark = await ToolRun.Of("evaluate", "--quantized", saved, "--images", folder["dark"], "--weights", folder["weights.safetensors"]);

        Assert.Equal("", quantize.Error);
        Assert.Equal(("", 0), (same.Error, same.ExitCode));
        Assert.Contains("not drifted: 0 of ", same.Output, StringComparison.Ordinal);
        Assert.Contains("; 32 images, 32 calibration images\n", same.Output, StringComparison.Ordinal);
        Assert.Equal(("", 0), (dark.Error, dark.ExitCode));
        Assert.Contains("\ndrifted: ", dark.Output, StringComparison.Ordinal);
        Assert.Contains("blocks.0.attn.qkv:input", dark.Output, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(await File.ReadAllTextAsync(folder["drift.json"], TestContext.Current.CancellationToken));
        Assert.Equal((true, 16, 32), (json.RootElement.GetProperty("hasDrifted").GetBoolean(), json.RootElement.GetProperty("imageCount").GetInt32(), json.RootElement.GetProperty("calibrationImageCount").GetInt32()));
        var worst = json.RootElement.GetProperty("sites")[0];
        Assert.True(worst.GetProperty("hasDrifted").GetBoolean());
        Assert.Equal(16, worst.GetProperty("observed").GetProperty("codeShares").GetArrayLength());
        Assert.Contains("calibration statistics: of 32 images\n", inspected.Output, StringComparison.Ordinal);
        Assert.Equal("", evaluatedSame.Error);
        Assert.StartsWith("isvit: warning: the images are unlike the calibration images, at ", evaluatedDark.Error, StringComparison.Ordinal);
        Assert.Equal(1, evaluatedDark.Error.Count(static c => c == '\n'));
        Assert.Contains(worst.GetProperty("name").GetString()!, evaluatedDark.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Drift_FileWithoutStatisticsOrTooFewImages_IsRefused()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 12);
        await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--output", folder["out"]));
        var saved = folder["out/quantized.safetensors"];

        var without = await ToolRun.Of("drift", "--quantized", saved, "--images", folder["images"]);
        var inspected = await ToolRun.Of("inspect", saved);
        var few = await ToolRun.Of("drift", "--quantized", saved, "--images", folder["images"], "--count", "7");

        without.AssertRefused("no calibration statistics to compare with");
        few.AssertRefused("--count is '7'; allowed is 8 to 65536.");
        Assert.Contains("calibration statistics: none\n", inspected.Output, StringComparison.Ordinal);
    }
}
