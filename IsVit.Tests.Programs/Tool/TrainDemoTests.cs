using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Models;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Programs.Onnx;
using IsVit.Tests.TestSupport;
using IsVit.Tool;
using IsVit.Tool.Demo;
using IsVit.Tool.Terminal;
using IsVit.Tool.Training;
using SkiaSharp;

namespace IsVit.Tests.Programs.Tool;

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

    /// <summary>The detector alone: every row of its table, the picture, and files that the other commands take.</summary>
    [Fact]
    public async Task Demo_OfTheDetector_TellsEveryRunAndSavesWhatOtherCommandsRead()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["assets"]);
        foreach (var file in new[] { DemoAssets.ImagesFile, $"{DetectorCatalog.Demo}.safetensors" })
        {
            File.Copy(Path.Combine(DemoAssets.DefaultFolder, file), folder[$"assets/{file}"]);
        }

        var demo = await ToolRun.Of("demo", "--assets", folder["assets"], "--iterations", "0", "--calibration-count", "4", "--scene-count", "6", "--output", folder["out"]);

        Assert.Equal("", demo.Error);
        Assert.Equal(["float", .. DetectorDemo.Methods], demo.Output.Split('\n').Where(static line => line.StartsWith("| ", StringComparison.Ordinal)).Select(static line => line.Split(' ')[1]).Where(static word => word is "float" || QuantizationRecipes.Find(word) is not null));
        Assert.Equal(["swin_micro_mask_rcnn.png", "swin_micro_mask_rcnn_w4a4.onnx", "swin_micro_mask_rcnn_w4a4.safetensors"], Directory.GetFiles(folder["out"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        using (var picture = SKBitmap.Decode(folder["out/swin_micro_mask_rcnn.png"]))
        {
            Assert.True(picture.Width > 2 * 512 && picture.Height > 512);
        }

        var export = await ToolRun.Of("export", "--quantized", folder["out/swin_micro_mask_rcnn_w4a4.safetensors"], "--output", folder["again.onnx"]);

        Assert.Equal("", export.Error);
        using var detector = new OnnxDetector(folder["again.onnx"]);
        Assert.Equal("swin_micro_mask_rcnn", detector.Metadata["isvit.model"]);
        Assert.Equal(RecipeNames.ISVit, detector.Metadata["isvit.method"]);
    }

    /// <summary>A few steps on a few scenes: the files load again, and a checkpoint goes on where it was left.</summary>
    [Fact]
    public void DetectorTraining_SmallData_WritesWeightsCardAndImages()
    {
        using var folder = new TemporaryFolder();
        IdxFiles.WriteFashionMnist(folder["data"], train: 1024, test: 2000);
        var preset = DetectorCatalog.Find(DetectorCatalog.Demo);
        var options = new DetectorDemoOptions { Steps = 3, BatchSize = 1, Seed = 3, TrainingImages = 1024, TestScenes = 2 };
        using (var other = preset.Create())
        {
            StateDict.Save(other, folder["at.step.safetensors"], new Dictionary<string, string>(StringComparer.Ordinal) { ["step"] = "1" });
        }

        using var output = new StringWriter();
        var code = DetectorDemoTraining.Run(new ToolConsole(output, output, isInteractive: false), preset, folder["data"], folder["assets"], options, folder["at.step.safetensors"], CancellationToken.None);

        Assert.Equal(0, code);
        Assert.Equal(["fashion_mnist_subset.safetensors", "swin_micro_mask_rcnn.md", "swin_micro_mask_rcnn.safetensors"], Directory.GetFiles(folder["assets"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains("on 2 held-out scenes; files in ", output.ToString(), StringComparison.Ordinal);
        var card = File.ReadAllText(folder["assets/swin_micro_mask_rcnn.md"]);
        Assert.Contains("`isvit train-demo --model swin_micro_mask_rcnn --steps 3 --seed 3`", card, StringComparison.Ordinal);
        Assert.Contains("128 x 128, red, green, blue, (value - 127.5) / 64", card, StringComparison.Ordinal);
        using var loaded = preset.Create();
        StateDict.Load(loaded, folder["assets/swin_micro_mask_rcnn.safetensors"]);
    }

    [Theory]
    [InlineData("7", "its step is '7'; expected a checkpoint of this command with a step of at most 3.")]
    [InlineData(null, "its step is ''; expected a checkpoint of this command with a step of at most 3.")]
    public void DetectorTraining_ResumedFromAnotherRun_IsRefused(string? step, string expected)
    {
        using var folder = new TemporaryFolder();
        IdxFiles.WriteFashionMnist(folder["data"], train: 1024, test: 2000);
        var preset = DetectorCatalog.Find(DetectorCatalog.Demo);
        using (var other = preset.Create())
        {
            StateDict.Save(other, folder["file"], step is null ? null : new Dictionary<string, string>(StringComparer.Ordinal) { ["step"] = step });
        }

        using var output = new StringWriter();
        var error = Assert.Throws<ToolException>(() => DetectorDemoTraining.Run(
            new ToolConsole(output, output, isInteractive: false), preset, folder["data"], folder["assets"], new DetectorDemoOptions { Steps = 3 }, folder["file"], CancellationToken.None));

        Assert.EndsWith(expected, error.Message, StringComparison.Ordinal);
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
