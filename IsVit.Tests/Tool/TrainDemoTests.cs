using IsVit.Tests.TestSupport;
using IsVit.Tool.Demo;

namespace IsVit.Tests.Tool;

public sealed class TrainDemoTests
{
    [Theory]
    [InlineData("vit_fashion")]
    [InlineData("swin_micro")]
    public async Task TrainDemo_SmallData_WritesWeightsCardAndImages(string model)
    {
        using var folder = new TemporaryFolder();
        await Train(folder, model);

        Assert.Equal(["fashion_mnist_subset.safetensors", $"{model}.md", $"{model}.safetensors"], Directory.GetFiles(folder["assets"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains($"`isvit train-demo --model {model} --epochs 1 --seed 3`", File.ReadAllText(folder[$"assets/{model}.md"]), StringComparison.Ordinal);
        var assets = DemoAssets.Load(folder["assets"]);
        Assert.Equal(2000, assets.Test.Count);
        Assert.Equal(Enumerable.Repeat(200, 10), assets.Test.Labels.CountBy(l => l).Select(c => c.Value));
        using var loaded = assets.LoadModel(DemoModel.Find(model));
        Assert.Equal(10, loaded.ClassCount);
    }

    [Fact]
    public async Task Demo_OfTrainedFiles_SavesTheModelAtBothWidthsAndTellsEveryMethod()
    {
        using var folder = new TemporaryFolder();
        await Train(folder, "vit_fashion");

        var demo = await ToolRun.Of("demo", "--assets", folder["assets"], "--iterations", "0", "--calibration-count", "8", "--test-count", "16", "--output", folder["out"]);

        Assert.Equal("", demo.Error);
        Assert.Contains("vit_fashion_w4a4.onnx, 0.", demo.Output, StringComparison.Ordinal);
        Assert.Equal(["vit_fashion_w3a3.onnx", "vit_fashion_w3a3.safetensors", "vit_fashion_w4a4.onnx", "vit_fashion_w4a4.safetensors"], Directory.GetFiles(folder["out"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(["float", "minmax", "percentile", "repq", "sulq-only", "sos-only", "isvit"], method => Assert.Contains($"| {method} ", demo.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task TrainDemo_TooFewImages_IsRefused()
    {
        using var folder = new TemporaryFolder();
        IdxFiles.WriteFashionMnist(folder["data"], train: 100, test: 100);

        var run = await ToolRun.Of("train-demo", "--data", folder["data"], "--output", folder["assets"]);

        run.AssertRefused("the data has 100 training and 100 test images; expected at least 1024 and 2000.");
        Assert.False(Directory.Exists(folder["assets"]));
    }

    private static async Task Train(TemporaryFolder folder, string model)
    {
        IdxFiles.WriteFashionMnist(folder["data"], train: 1024, test: 2000);
        var run = await ToolRun.Of("train-demo", "--model", model, "--data", folder["data"], "--epochs", "1", "--training-images", "1024", "--seed", "3", "--output", folder["assets"]);
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.ExitCode);
    }
}
