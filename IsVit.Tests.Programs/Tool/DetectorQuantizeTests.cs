using System.Text.Json;
using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Coco;
using IsVit.Detection.Models;
using IsVit.Model.Saved;
using IsVit.Optimization;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Programs.Tool;

/// <summary><c>isvit quantize</c> and <c>isvit evaluate</c> with detectors.</summary>
public sealed class DetectorQuantizeTests
{
    [Fact]
    public async Task Quantize_Detector_ReportsWhatEvaluateAndTheLibraryGive()
    {
        using var folder = new TemporaryFolder();
        SceneFolder.Write(folder);

        var run = await ToolRun.Of(SceneFolder.Quantize(folder, "--weight-bits", "6", "--activation-bits", "8", "--seed", "4", "--output", folder["out"], "--json", folder["report.json"]));

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        var report = Read(folder["report.json"]);
        var detection = report.GetProperty("detection");
        Assert.Equal(("swin_micro_mask_rcnn", "percentile", 6, 8, 4), (Text(report, "model"), Text(report, "method"), report.GetProperty("weightBits").GetInt32(), report.GetProperty("activationBits").GetInt32(), report.GetProperty("seed").GetInt32()));
        Assert.Equal(JsonValueKind.Null, report.GetProperty("top1").ValueKind);
        Assert.Equal(SceneFolder.Images, detection.GetProperty("images").GetInt32());
        var stages = report.GetProperty("stages").EnumerateArray().ToList();
        Assert.NotEmpty(stages);
        Assert.Equal((Score(detection, "quantized", "boxes"), Score(detection, "quantized", "masks")), (stages[^1].GetProperty("boxAP").GetDouble(), stages[^1].GetProperty("maskAP").GetDouble()));
        Assert.Equal(new FileInfo(folder["out/quantized.safetensors"]).Length, report.GetProperty("modelBytes").GetInt64());
        Assert.Contains(FormattableString.Invariant($"float: {Score(detection, "float", "boxes"):F2} % box AP, {Score(detection, "float", "masks"):F2} % mask AP\n"), run.Output, StringComparison.Ordinal);
        Assert.Contains("swin_micro_mask_rcnn: 4 calibration images (all there are; 32 were asked for), 4 test images\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("percentile W6A8", run.Output, StringComparison.Ordinal);
        Assert.Contains(" matrix products, 98.21 % of 180.2 million multiply-accumulates an image; in float as in the literature: roi_head.mask_head.upsample\n", run.Output, StringComparison.Ordinal);

        // The library's own door, on the same files.
        using (var scope = torch.NewDisposeScope())
        using (var detector = DetectorCatalog.Create(DetectorCatalog.Demo, 3))
        {
            var dataset = CocoDataset.Read(folder["annotations.json"]);
            StateDict.Load(detector, folder["weights.safetensors"]);
            AssertScores(detection.GetProperty("float"), dataset, SceneFolder.Detect(folder, detector, dataset));
            using var quantized = QuantizedModel.Load(folder["out/quantized.safetensors"], ModelForward.Of(detector));
            AssertScores(detection.GetProperty("quantized"), dataset, SceneFolder.Detect(folder, detector, dataset));
        }

        Assert.InRange(Score(detection, "float", "boxes"), 20, 99);
        Assert.InRange(Score(detection, "quantized", "boxes"), 1, Score(detection, "float", "boxes") - 1);

        // Of the detector the file says what it is, and the annotations lie in another folder than the images.
        var evaluation = await ToolRun.Of(SceneFolder.Evaluate(folder, "--quantized", folder["out/quantized.safetensors"], "--weights", folder["weights.safetensors"], "--per-class", "--json", folder["evaluation.json"]));
        Assert.Equal(("", 0), (evaluation.Error, evaluation.ExitCode));
        var again = Read(folder["evaluation.json"]);
        foreach (var field in new[] { "model", "method", "weightBits", "activationBits", "seed", "modelBytes", "floatBytes" })
        {
            Assert.Equal(report.GetProperty(field).GetRawText(), again.GetProperty(field).GetRawText());
        }

        foreach (var (which, part) in new[] { ("float", "boxes"), ("float", "masks"), ("quantized", "boxes"), ("quantized", "masks") })
        {
            Assert.Equal(detection.GetProperty(which).GetProperty(part).GetRawText(), again.GetProperty("detection").GetProperty(which).GetProperty(part).GetRawText());
        }

        Assert.Contains("float: boxes, %\nAP  ", evaluation.Output, StringComparison.Ordinal);
        Assert.Contains("percentile W6A8: masks, %\nAP  ", evaluation.Output, StringComparison.Ordinal);
        Assert.Contains("  7 thing 7\n", evaluation.Output, StringComparison.Ordinal);
        Assert.Equal([2, 5, 7], again.GetProperty("detection").GetProperty("quantized").GetProperty("classes").EnumerateArray().Select(static one => one.GetProperty("id").GetInt64()));

        // And so for the other commands that read the file.
        var detect = await ToolRun.Of("detect", folder["images/0.png"], "--quantized", folder["out/quantized.safetensors"], "--output", folder["pictures"]);
        Assert.Equal(("", 0), (detect.Error, detect.ExitCode));
        using (var saved = SavedModel.Open(folder["out/quantized.safetensors"]))
        {
            Assert.Equal(("swin_micro_mask_rcnn", "3"), (saved.Metadata["isvit.tool.Model"], saved.Metadata["isvit.tool.ClassCount"]));
        }

        foreach (var (arguments, expected) in new[]
        {
            (new[] { "evaluate", "--quantized", "FILE", "--coco", "COCO", "--images", "IMAGES", "--model", "mask_rcnn_swin_tiny" }, "is a quantized swin_micro_mask_rcnn, not a mask_rcnn_swin_tiny; leave out --model."),
            (["evaluate", "--quantized", "FILE", "--coco", "COCO", "--images", "IMAGES", "--classes", "4"], "is a detector of 3 classes, not of 4; leave out --classes."),
            (["evaluate", "--quantized", "FILE", "--coco", "COCO", "--images", "IMAGES", "--batch", "2"], "--batch is of classifiers, and the model is a detector: it sees one image at a time"),
            (["evaluate", "--quantized", "FILE", "--labels", "COCO"], "--labels is of classifiers, and the model is a detector: it is scored with --coco."),
            (["evaluate", "--quantized", "FILE"], "there is nothing to evaluate with; give --coco."),
            (["detect", "IMAGES/0.png", "--quantized", "FILE", "--model", "mask_rcnn_swin_tiny"], "is a quantized swin_micro_mask_rcnn, not a mask_rcnn_swin_tiny"),
            (["drift", "--quantized", "FILE", "--images", "IMAGES"], "holds the detector 'swin_micro_mask_rcnn'; 'isvit drift' takes classifiers. 'isvit evaluate' scores detectors, 'isvit detect' shows what they find."),
            (["bench", "--quantized", "FILE"], "holds the detector 'swin_micro_mask_rcnn'; 'isvit bench' takes classifiers."),
            (["classify", "IMAGES", "--quantized", "FILE"], "holds the detector 'swin_micro_mask_rcnn'; 'isvit classify' takes classifiers."),
        })
        {
            (await ToolRun.Of([.. arguments.Select(text => text.Replace("FILE", folder["out/quantized.safetensors"], StringComparison.Ordinal).Replace("COCO", folder["annotations.json"], StringComparison.Ordinal).Replace("IMAGES", folder["images"], StringComparison.Ordinal))])).AssertRefused(expected);
        }
    }

    /// <summary>What <c>isvit sensitivity</c>, which takes no detectors, refers to.</summary>
    [Fact]
    public async Task Quantize_DetectorWithABudget_ChoosesBitsWithinIt()
    {
        using var folder = new TemporaryFolder();
        SceneFolder.Write(folder);

        var run = await ToolRun.Of(SceneFolder.Quantize(folder, "--budget", "6bits", "--sensitivity", "estimated", "--sensitivity-count", "1", "--calibration-count", "2", "--final-score-only", "--output", folder["out"]));

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        using var saved = SavedModel.Open(folder["out/quantized.safetensors"]);
        var weights = saved.Sites.Where(static site => site.IsWeight).Select(site => (saved.Quantizers[site.Quantizer].Bits.Bits, Count: site.Shape!.Aggregate(1.0, static (product, length) => product * length))).ToList();
        Assert.True(weights.Select(static weight => weight.Bits).Distinct().Count() > 1, string.Join(", ", weights));
        Assert.InRange(weights.Sum(static weight => weight.Bits * weight.Count) / weights.Sum(static weight => weight.Count), 5.9, 6);
    }

    [Fact]
    public async Task Evaluate_FloatDetector_ScoresTheImagesThatThereAre()
    {
        using var folder = new TemporaryFolder();
        SceneFolder.Write(folder);
        var dataset = CocoDataset.Read(folder["annotations.json"]);
        string[] evaluate = ["evaluate", "--model", DetectorCatalog.Demo, "--weights", folder["weights.safetensors"], "--images", folder["images"], "--json", folder["report.json"], "--coco"];

        // An image that is not there, one that is none, and an object in an image that is not listed.
        File.WriteAllText(folder["images/broken.png"], "no picture");
        new CocoDataset(
            [new CocoImage(1, "gone.png", 64, 64), .. dataset.Images, new CocoImage(2, "broken.png", 64, 64)],
            dataset.Categories,
            [.. dataset.Annotations, .. new long[] { 1, 2, 3 }.Select(image => dataset.Annotations[0] with { Id = 1000 + image, ImageId = image })]).Save(folder["more.json"]);
        var whole = await ToolRun.Of([.. evaluate, folder["annotations.json"]]);
        var wholeScores = Scores();
        var skipped = await ToolRun.Of([.. evaluate, folder["more.json"], "--skip-unreadable"]);
        var skippedScores = Scores();
        var first = await ToolRun.Of([.. evaluate, folder["annotations.json"], "--test-count", "2"]);
        var firstScores = Scores();

        Assert.Equal(("", 0, 0, 0), (whole.Error, whole.ExitCode, skipped.ExitCode, first.ExitCode));
        Assert.Contains("float: boxes, %\nAP  ", whole.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("thing", whole.Output, StringComparison.Ordinal);
        Assert.Equal("float", Text(Read(folder["report.json"]), "method"));
        Assert.Equal([4, 4, 2], new[] { wholeScores, skippedScores, firstScores }.Select(static scores => scores.Images));
        Assert.Equal(wholeScores.Float, skippedScores.Float);
        Assert.NotEqual(wholeScores.Float, firstScores.Float);
        Assert.Equal(3, skipped.Error.Count(static letter => letter == '\n'));
        Assert.Contains("annotations of an image that is not listed; they are not evaluated (1003)\n", skipped.Error, StringComparison.Ordinal);
        Assert.Contains(FormattableString.Invariant($"isvit: warning: {folder["images/gone.png"]}: no such file of the 6 images of {folder["more.json"]}; left out.\n"), skipped.Error, StringComparison.Ordinal);
        Assert.Contains("isvit: skipped: ", skipped.Error, StringComparison.Ordinal);
        Assert.Contains("5 test images\n", skipped.Output, StringComparison.Ordinal);
        using (var detector = DetectorCatalog.Create(DetectorCatalog.Demo, 3))
        {
            StateDict.Load(detector, folder["weights.safetensors"]);
            var some = new CocoDataset(dataset.Images.Take(2), dataset.Categories, dataset.Annotations.Where(annotation => annotation.ImageId <= dataset.Images[1].Id));
            AssertScores(Read(folder["report.json"]).GetProperty("detection").GetProperty("float"), some, SceneFolder.Detect(folder, detector, some));
        }

        (int Images, string Float) Scores()
        {
            var detection = Read(folder["report.json"]).GetProperty("detection");
            return (detection.GetProperty("images").GetInt32(), detection.GetProperty("float").GetProperty("boxes").GetRawText() + detection.GetProperty("float").GetProperty("masks").GetRawText());
        }
    }

    [Fact]
    public async Task Quantize_WrongInputs_OneLineAndNothingWritten()
    {
        using var folder = new TemporaryFolder();
        SceneFolder.Write(folder);
        var dataset = CocoDataset.Read(folder["annotations.json"]);
        new CocoDataset([.. dataset.Images, new CocoImage(1, "gone.png", 64, 64)], dataset.Categories, dataset.Annotations).Save(folder["gone.json"]);
        new CocoDataset([.. dataset.Images, new CocoImage(1, "", 64, 64)], dataset.Categories, []).Save(folder["nameless.json"]);
        new CocoDataset(dataset.Images, dataset.Categories, [.. dataset.Annotations.Select(static annotation => annotation with { Segmentation = null })]).Save(folder["boxes.json"]);
        new CocoDataset([], dataset.Categories, []).Save(folder["empty.json"]);
        new CocoDataset(dataset.Images, [.. dataset.Categories, new CocoCategory(9, "one more")], dataset.Annotations).Save(folder["classes.json"]);
        var before = folder.Entries.ToList();
        foreach (var (option, value, expected) in new[]
        {
            ("--coco", folder["gone.json"], $"{folder["images/gone.png"]}: no such file of the 5 images of {folder["gone.json"]}; --images is the folder that they are in."),
            ("--coco", folder["nameless.json"], "image 1 has no file_name."),
            ("--coco", folder["boxes.json"], "expected a segmentation, to evaluate masks, found none."),
            ("--coco", folder["empty.json"], "lists no image."),
            ("--coco", folder["none.json"], "none.json: expected a file that can be read, found none."),
            ("--coco", folder["classes.json"], "another number of classes than 4: roi_head.bbox_head.fc_cls.weight"),
            ("--classes", "5", "has 3 categories, and the detector 5 classes"),
            ("--images", folder["out"], "0.png: no such file, nor are 3 others there of the 4 images"),
            ("--weights", folder["none"], "no such file of weights"),
            ("--model", "mask_rcnn_swin_tinny", "there is no model 'mask_rcnn_swin_tinny'; did you mean mask_rcnn_swin_tiny"),
            ("--model", "vit_fashion", "--coco is of detectors, and the model is a classifier, which takes --labels."),
            ("--json", folder["none/report.json"], "no such folder"),
        })
        {
            var arguments = SceneFolder.Quantize(folder, "--output", folder["out"], "--json", folder["report.json"]);
            var at = Array.IndexOf(arguments, option);
            string[] changed = at < 0 ? [.. arguments, option, value] : [.. arguments[..(at + 1)], value, .. arguments[(at + 2)..]];

            (await ToolRun.Of(changed)).AssertRefused(expected);
            Assert.Equal(before, folder.Entries);
        }
    }

    [Fact]
    public async Task Quantize_WithinABudgetAndFromACheckpoint_ScoresTheSameAgain()
    {
        using var folder = new TemporaryFolder();
        SceneFolder.Write(folder);
        string[] arguments = SceneFolder.Quantize(folder, "--budget", "6bits", "--allowed-bits", "4,8", "--sensitivity-count", "1", "--calibration-count", "2", "--final-score-only", "--checkpoint", folder["checkpoint"], "--json", folder["report.json"]);

        var run = await ToolRun.Of(arguments);
        var report = Read(folder["report.json"]);
        var resumed = await ToolRun.Of(arguments);

        Assert.Equal((0, 0), (run.ExitCode, resumed.ExitCode));
        Assert.InRange(report.GetProperty("meanWeightBits").GetDouble(), 4, 6);
        Assert.Contains(report.GetProperty("sites").EnumerateArray(), static site => site.GetProperty("site").GetString() == "rpn_head.rpn_conv:weight" && site.GetProperty("bits").GetInt32() is 4 or 8);
        Assert.All(report.GetProperty("stages").EnumerateArray(), static stage => Assert.False(stage.TryGetProperty("boxAP", out _)));
        Assert.Equal(report.GetProperty("detection").GetProperty("quantized").GetProperty("boxes").GetRawText(), Read(folder["report.json"]).GetProperty("detection").GetProperty("quantized").GetProperty("boxes").GetRawText());
    }

    private static void AssertScores(JsonElement scores, CocoDataset dataset, List<CocoResult> results)
    {
        foreach (var (name, overlap) in new[] { ("boxes", CocoOverlap.Boxes), ("masks", CocoOverlap.Masks) })
        {
            var expected = CocoEvaluator.Evaluate(dataset, results, overlap).Summary;
            var found = scores.GetProperty(name).EnumerateObject().ToList();
            Assert.Equal(expected.Select(static score => score.Key), found.Select(static score => score.Name));
            Assert.All(expected.Zip(found), static pair => Assert.Equal(pair.First.Value < 0 ? (double?)null : 100 * pair.First.Value, pair.Second.Value.Deserialize<double?>()));
        }
    }

    private static double Score(JsonElement detection, string which, string part) => detection.GetProperty(which).GetProperty(part).GetProperty("AP").GetDouble();

    private static string? Text(JsonElement report, string field) => report.GetProperty(field).GetString();

    private static JsonElement Read(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return document.RootElement.Clone();
    }
}
