using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Coco;
using IsVit.Detection.Drawing;
using IsVit.Detection.Evaluation;
using IsVit.Detection.Models;
using IsVit.Detection.Scenes;
using IsVit.Tests.Detection.Scenes;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Programs.Tool;

/// <summary>A folder with what <c>isvit quantize</c> needs for a detector: weights of the small one for three classes, scenes as PNG files, and annotations that say every other thing it detects is there, so that its scores are neither 0 nor 100.</summary>
internal static class SceneFolder
{
    public const int Images = 4;
    private const int Side = 64;
    private const int ClassCount = 3;

    /// <summary>The ids of the categories, in the order of the file.</summary>
    public static long[] Categories { get; } = [7, 2, 5];

    public static void Write(TemporaryFolder folder)
    {
        using var scope = torch.NewDisposeScope();
        using var detector = DetectorCatalog.Create(DetectorCatalog.Demo, ClassCount);
        Micro.Enliven(detector, 7);
        StateDict.Save(detector, folder["weights.safetensors"]);
        Directory.CreateDirectory(folder["images"]);
        var composer = new SceneComposer(SpriteArt.Assortment(), new SceneOptions { Side = Side, MaxObjectSide = 40 });
        var images = new List<CocoImage>();
        for (var i = 0; i < Images; i++)
        {
            // The last one is lower than the others.
            var height = i == Images - 1 ? Side - 16 : Side;
            images.Add(new CocoImage(10 * (i + 1), FormattableString.Invariant($"{i}.png"), Side, height));
            DetectionPicture.Draw(composer.Compose(i).Rgb.AsSpan(0, 3 * Side * height), Side, height, [], new DetectionPictureOptions { Scale = 1 }).Save(folder[$"images/{images[i].FileName}"]);
        }

        var categories = Categories.Select(static id => new CocoCategory(id, FormattableString.Invariant($"thing {id}"))).ToList();
        var found = Detect(folder, detector, new CocoDataset(images, categories, []));
        var objects = found.Where(static (result, i) => i % 2 == 0 && result.Box is { Width: > 1, Height: > 1 } && result.Segmentation!.Mask!.Area > 0);
        new CocoDataset(images, categories, objects.Select(static (result, i) => new CocoAnnotation(i + 1, result.ImageId, result.CategoryId, result.Box!.Value, result.Segmentation!.Mask!.Area, Segmentation: result.Segmentation)))
            .Save(folder["annotations.json"]);
    }

    /// <summary>What a detector finds in the images, by the library alone.</summary>
    public static List<CocoResult> Detect(TemporaryFolder folder, Detector detector, CocoDataset dataset)
    {
        using var noGrad = torch.no_grad();
        detector.eval();
        var results = new List<CocoResult>();
        foreach (var image in dataset.Images)
        {
            using var scope = torch.NewDisposeScope();
            using var input = DetectorCatalog.Find(DetectorCatalog.Demo).Preprocessing.Read(folder[$"images/{image.FileName}"]);
            using var found = detector.call(input)[0];
            results.AddRange(CocoDetections.Of(found, image.Id, CocoDetections.CategoryIds(dataset)));
        }

        return results;
    }

    /// <summary>The arguments of a quick run.</summary>
    public static string[] Quantize(TemporaryFolder folder, params string[] more) =>
    [
        "quantize", "--model", DetectorCatalog.Demo, "--weights", folder["weights.safetensors"], "--calibration", folder["images"], "--coco", folder["annotations.json"], "--images", folder["images"],
        "--method", "percentile", "--box-regions", "12", "--mask-regions", "4", .. more,
    ];

    /// <summary>The arguments of an evaluation.</summary>
    public static string[] Evaluate(TemporaryFolder folder, params string[] more) => ["evaluate", "--coco", folder["annotations.json"], "--images", folder["images"], .. more];
}
