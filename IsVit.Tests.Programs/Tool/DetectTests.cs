using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Coco;
using IsVit.Detection.Models;
using IsVit.Tests.TestSupport;
using SkiaSharp;
using TorchSharp;

namespace IsVit.Tests.Programs.Tool;

public sealed class DetectTests
{
    [Fact]
    public async Task Detect_TwoImages_WritesPicturesAndResults()
    {
        using var folder = new TemporaryFolder();
        var (weights, images) = Prepare(folder);
        var run = await ToolRun.Of("detect", images[0], images[1], "--model", DetectorCatalog.Demo, "--weights", weights, "--score", "0.06", "--output", folder["out"]);

        Assert.Equal("", run.Error);
        Assert.Equal(["000000000139.png", "b.png", "results.json"], Directory.GetFiles(folder["out"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var results = CocoResults.Read(folder["out/results.json"]);
        Assert.Equal([2, 139], results.Select(static result => result.ImageId).Distinct().Order());
        Assert.All(results, static result => Assert.True(result.Score >= 0.06 && result.CategoryId is >= 1 and <= 10 && result.Segmentation is not null));

        // What the library detects.
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var detector = DetectorCatalog.Create(DetectorCatalog.Demo);
        StateDict.Load(detector, weights);
        detector.eval();
        using var input = DetectorCatalog.Find(DetectorCatalog.Demo).Preprocessing.Read(images[0]);
        using var found = detector.call(input)[0];
        var first = results.First(static result => result.ImageId == 139);
        Assert.Equal(found.Scores[0].item<float>(), first.Score, 1e-4);
        Assert.Equal(found.Labels[0].item<long>() + 1, first.CategoryId);
        Assert.Equal(found.Boxes[0, 0].item<float>(), first.Box!.Value.X, 0.05);
    }

    [Fact]
    public async Task Detect_WrongArguments_NamesThem()
    {
        using var folder = new TemporaryFolder();
        var (weights, images) = Prepare(folder);

        Assert.Contains("There is no detector 'mask_rcnn_swin_tinny'. Closest first, there are: mask_rcnn_swin_tiny", (await ToolRun.Of("detect", images[0], "--model", "mask_rcnn_swin_tinny", "--weights", weights)).Error, StringComparison.Ordinal);
        Assert.Contains("give either --weights or --quantized", (await ToolRun.Of("detect", images[0], "--model", DetectorCatalog.Demo)).Error, StringComparison.Ordinal);
        Assert.Contains("2 images are called 'b'", (await ToolRun.Of("detect", images[1], images[1], "--model", DetectorCatalog.Demo, "--weights", weights)).Error, StringComparison.Ordinal);
        var broken = folder.File("broken.png", "no image"u8);
        Assert.Contains("broken.png", (await ToolRun.Of("detect", broken, "--model", DetectorCatalog.Demo, "--weights", weights, "--output", folder["out"])).Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["out"]));
    }

    private static (string Weights, string[] Images) Prepare(TemporaryFolder folder)
    {
        torch.manual_seed(5);
        using (var detector = DetectorCatalog.Create(DetectorCatalog.Demo))
        {
            StateDict.Save(detector, folder["weights.safetensors"]);
        }

        string[] images = [folder["000000000139.png"], folder["b.png"]];
        for (var i = 0; i < images.Length; i++)
        {
            using var bitmap = new SKBitmap(96, 64);
            bitmap.Erase(new SKColor(200, 100, 50));
            for (var x = 20; x < 70 + i; x++)
            {
                for (var y = 10; y < 50; y++)
                {
                    bitmap.SetPixel(x, y, new SKColor((byte)(x * 3), (byte)(y * 5), 30));
                }
            }

            using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            File.WriteAllBytes(images[i], data.ToArray());
        }

        return (folder["weights.safetensors"], images);
    }
}
