using IsVit.Core.Models;
using IsVit.Tests.TestSupport;
using IsVit.Tool;
using IsVit.Tool.Data;
using IsVit.Tool.Demo;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Training;

namespace IsVit.Tests.Programs.Tool;

/// <summary>The files that come with the tool.</summary>
public sealed class DemoAssetsTests
{
    [Fact]
    public void Files_AreBelowEightMegabytesAndHoldTheLicence()
    {
        var files = new DirectoryInfo(DemoAssets.DefaultFolder).GetFiles();

        Assert.Equal(["LICENSE-fashion-mnist.txt", "fashion_mnist_subset.safetensors", "swin_micro.md", "swin_micro.safetensors", "swin_micro_mask_rcnn.md", "swin_micro_mask_rcnn.safetensors", "vit_fashion.md", "vit_fashion.safetensors"], files.Select(f => f.Name).Order(StringComparer.Ordinal));
        Assert.InRange(files.Sum(f => f.Length), 1, 8_000_000);
    }

    [Theory]
    [InlineData(ModelCatalog.Demo, 91)]
    [InlineData(ModelCatalog.DemoSwin, 90)]
    public void LoadModel_OnTheTestImages_IsAsRightAsItsCardSays(string name, double least)
    {
        var assets = DemoAssets.Load(DemoAssets.DefaultFolder);
        using var model = assets.LoadModel(DemoModel.Find(name));

        var accuracy = DemoTrainer.TestAccuracy(model, assets.Test, CancellationToken.None);

        Assert.InRange(accuracy, least, 100);
        Assert.Equal(10, assets.Test.Labels.Distinct().Count());
        Assert.Equal(1024 * 784, assets.Calibration.Length);
    }

    /// <summary>On all 500 scenes the card says more than these; the first 40 are enough to tell the weights from others.</summary>
    [Fact]
    public void LoadDetector_OnTheFirstTestScenes_FindsWhatIsThere()
    {
        var assets = DemoAssets.Load(DemoAssets.DefaultFolder);
        using var detector = assets.LoadDetector();

        var (boxes, masks) = new SceneEvaluation(DemoScenes.Test(assets.Test, 40), FashionMnist.Classes).Measure(detector, TestContext.Current.CancellationToken);

        Assert.InRange(boxes.AP, 0.55, 0.9);
        Assert.InRange(masks.AP, 0.5, 0.9);
    }

    [Fact]
    public void Load_BrokenImages_NamesTheFile()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(DemoAssets.DefaultFolder, "vit_fashion.safetensors"), folder["vit_fashion.safetensors"]);
        File.Copy(Path.Combine(DemoAssets.DefaultFolder, "vit_fashion.safetensors"), folder[DemoAssets.ImagesFile]);

        var error = Assert.Throws<ToolException>(() => DemoAssets.Load(folder.Path));

        Assert.Contains("calibration_images", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NoWeights_NamesWhatIsMissingAndWhatWritesIt()
    {
        using var folder = new TemporaryFolder();

        var error = Assert.Throws<ToolException>(() => DemoAssets.Load(folder.Path));

        Assert.Equal($"{folder.Path}: holds none of vit_fashion.safetensors, swin_micro.safetensors, swin_micro_mask_rcnn.safetensors; 'isvit train-demo --output {folder.Path}' writes one.", error.Message);
    }
}
