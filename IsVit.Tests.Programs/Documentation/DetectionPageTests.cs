using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Coco;
using IsVit.Detection.Drawing;
using IsVit.Detection.Evaluation;
using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Detection.Quantization;
using IsVit.Detection.Scenes;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Programs.Documentation;

/// <summary>What docs/detection.md shows.</summary>
public sealed class DetectionPageTests
{
    [Fact]
    public void Page_SmallDetector_DetectsDrawsScoresAndQuantizes()
    {
        torch.manual_seed(1);
        using var folder = new TemporaryFolder();
        var (weights, images, annotations) = Prepare(folder);
        var preprocessing = new DetectorPreprocessing { ShortSide = 64, LongSide = 64, Mean = [127.5, 127.5, 127.5], Std = [64, 64, 64] };

        // snippet: load
        using var detector = DetectorCatalog.Create("swin_micro_mask_rcnn"); // random weights; a second argument sets the number of classes
        StateDict.Load(detector, weights); // a safetensors file with MMDetection's names; all or nothing
        detector.eval();
        // end

        // snippet: detect
        using var noGrad = torch.no_grad();
        using var input = preprocessing.Read(images[0]);
        using var result = detector.call(input)[0];
        var boxes = result.Boxes; // [objects, 4]: x1, y1, x2, y2 in pixels of the image
        var masks = result.Masks(); // [objects, height, width]: 1 for the object
        // end
        Assert.Equal([result.Count, 4], boxes.shape);
        Assert.Equal([result.Count, 64, 64], masks.shape);
        Assert.InRange(result.Count, 1, 50);

        string[] names = [.. Enumerable.Range(0, detector.ClassCount).Select(static label => FormattableString.Invariant($"class {label}"))];

        // snippet: draw
        var objects = DrawnObject.Of(result, names, minimumScore: 0.5); // boxes, masks, names and scores
        DetectionPicture.Draw(images[0], objects).Save(Path.Combine(folder.Path, "detections.png"));
        // end
        Assert.True(new FileInfo(folder["detections.png"]).Length > 100);

        // snippet: score
        var dataset = CocoDataset.Read(annotations);
        var classes = CocoDetections.CategoryIds(dataset);
        var results = new List<CocoResult>();
        foreach (var image in dataset.Images)
        {
            using var batch = preprocessing.Read(Path.Combine(folder.Path, image.FileName));
            using var found = detector.call(batch)[0];
            results.AddRange(CocoDetections.Of(found, image.Id, classes));
        }

        CocoScores boxScores = CocoEvaluator.Evaluate(dataset, results, CocoOverlap.Boxes), maskScores = CocoEvaluator.Evaluate(dataset, results, CocoOverlap.Masks);
        Console.WriteLine(boxScores.AP); // 0 to 1; ToString() gives the table of pycocotools
        // end
        Assert.InRange(boxScores.AP, 0, 1);
        Assert.InRange(maskScores.AP, 0, 1);
        Assert.NotEmpty(results);

        // snippet: quantize
        var calibration = images.Select(path => preprocessing.Read(path)).ToList();
        using var samples = DetectorSamples.Collect(detector, calibration, new DetectorSampleOptions { BoxRegions = 32, MaskRegions = 8 });
        var quantizer = ModelQuantizer.Create(o =>
        {
            o.Recipe = RecipeNames.RepQ; // calibration alone; the default, isvit, reconstructs every part as well
            (o.WeightBits, o.ActivationBits) = (4, 4);
            o.Overrides.Add(new SiteOverride { Pattern = "roi_head.**", Bits = 8 });
        });
        using var quantized = quantizer.Quantize(ModelForward.Of(detector), samples);
        using var after = detector.call(input)[0]; // the same detector, whose layers are quantized now
        // end
        calibration.ForEach(static batch => batch.Dispose());

        Assert.Equal(4, quantized.Attachment.Find("rpn_head.rpn_conv:input")!.Quantizer.Bits.Bits);
        Assert.Equal(8, quantized.Attachment.Find("roi_head.bbox_head.fc_cls:weight")!.Quantizer.Bits.Bits);
        Assert.InRange(after.Count, 1, 50);
    }

    // Weights as a user has them, and three scenes with their annotations.
    private static (string Weights, string[] Images, string Annotations) Prepare(TemporaryFolder folder)
    {
        var pixels = Enumerable.Range(0, 784).Select(static i => (byte)(i / 28 is > 4 and < 24 && i % 28 is > 6 and < 22 ? 180 : 0)).ToArray();
        var composer = new SceneComposer([new Sprite(pixels, 28, 28, 3)], new SceneOptions { Side = 64, MaxObjectSide = 40 });
        using (var detector = DetectorCatalog.Create("swin_micro_mask_rcnn"))
        {
            StateDict.Save(detector, folder["weights.safetensors"]);
        }

        var (images, annotations) = (new List<string>(), new List<CocoAnnotation>());
        for (var i = 0; i < 3; i++)
        {
            var scene = composer.Compose(i);
            images.Add(folder[FormattableString.Invariant($"{i}.png")]);
            DetectionPicture.Draw(scene.Rgb, 64, 64, [], new DetectionPictureOptions { Scale = 1 }).Save(images[^1]);
            foreach (var one in scene.Objects)
            {
                var mask = IsVit.Detection.Masks.RunLengthMask.FromPixels(one.Mask, 64, 64);
                annotations.Add(new CocoAnnotation(annotations.Count + 1, i + 1, one.Label + 1, mask.BoundingBox, one.Area, Segmentation: new CocoSegmentation(mask)));
            }
        }

        new CocoDataset(
            [.. Enumerable.Range(0, 3).Select(static i => new CocoImage(i + 1, FormattableString.Invariant($"{i}.png"), 64, 64))],
            [.. Enumerable.Range(1, 10).Select(static id => new CocoCategory(id, FormattableString.Invariant($"class {id}")))],
            annotations).Save(folder["annotations.json"]);
        return (folder["weights.safetensors"], [.. images], folder["annotations.json"]);
    }
}
