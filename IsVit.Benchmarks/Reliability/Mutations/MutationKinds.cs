using System.Buffers.Binary;
using System.IO.Compression;
using IsVit.Core.Imaging;
using IsVit.Core.Models.Pretrained;
using IsVit.Detection.Coco;
using IsVit.Detection.Masks;
using IsVit.Onnx;
using IsVit.Optimization.Recipes;
using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Tool.Cli;
using IsVit.Tool.Data;
using IsVit.Tool.Inputs;
using IsVit.Tool.Terminal;
using SkiaSharp;
using TorchSharp;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>The kinds of file that the library and the tool read.</summary>
internal static class MutationKinds
{
    /// <summary>All of them; together a million damaged files.</summary>
    public static IReadOnlyList<MutationKind> All { get; } =
    [
        new("runtime-vit", 100_000, static () => new RuntimeTarget(SavedModelTarget.Saved(RecipeNames.MinMax, 4))),
        new("runtime-swin", 100_000, static () => new RuntimeTarget(SavedModelTarget.Saved(RecipeNames.RepQ, 3, isSwin: true))),
        new("runtime-sulq", 100_000, static () => new RuntimeTarget(SavedModelTarget.Saved(RecipeNames.SulqOnly, 4))),
        new("safetensors", 110_000, static () => new SafetensorsTarget()),
        new("sharded-index", 40_000, static () => new ShardedTarget()),
        new("saved-model", 30_000, static () => new SavedModelTarget()),
        new("checkpoint", 30_000, static () => new CheckpointTarget()),
        new("pth-zip", 70_000, static () => new PyTorchTarget(Formats("bad/good_zip.pth", "pth/tensors_zip.pth", "pth/tensors_zip_protocol4.pth"), isZip: true)),
        new("pth-legacy", 60_000, static () => new PyTorchTarget(Formats("bad/good_legacy.pth", "pth/tensors_legacy.pth", "pth/tensors_legacy_protocol3.pth"))),
        new("torchsharp", 50_000, static () => new PyTorchTarget([PyTorchTarget.TorchSharp()])),
        new("png", 60_000, static () => new ImageTarget(SKEncodedImageFormat.Png)),
        new("jpeg", 60_000, static () => new ImageTarget(SKEncodedImageFormat.Jpeg)),
        new("webp", 60_000, static () => new ImageTarget(SKEncodedImageFormat.Webp)),
        new("bmp", 40_000, static () => new ImageTarget(null)),
        new("csv", 40_000, static () => new TextTarget("labels.csv", Labels, "file,label\r\na.png,3\r\n\"b.png\",0\r\n"u8.ToArray(), "Label , file\n12,a.png\n"u8.ToArray()) { Beside = new Dictionary<string, byte[]> { ["a.png"] = [1], ["b.png"] = [2] } }),
        new("idx", 20_000, static () => new TextTarget("images", static path => IdxFile.Read(path, 3), Idx(compressed: false), Idx(compressed: true)) { IsBinary = true }),
        new("coco", 30_000, static () => new TextTarget("coco.json", Annotations, CocoText)),
        new("coco-results", 30_000, static () => new TextTarget("results.json", Detections, CocoResultsText)),
        new("yaml", 25_000, static () => new TextTarget("run.yaml", Configuration, Yaml)),
        new("json", 25_000, static () => new TextTarget("run.json", Configuration, Json)),
        new("model-config", 12_000, static () => new TextTarget("config.json", ModelConfiguration, Formats("hf_deit/config.json")[0]) { Beside = new Dictionary<string, byte[]> { ["model.safetensors"] = Formats("hf_deit/model.safetensors")[0] } }),
        new("report", 10_000, static () => new TextTarget(ModelReports.JsonFile, static path => ModelReports.Open(path), Report()) { AlsoRefuses = static error => error is InvalidDataException }),
        new("onnx", 20_000, static () => new TextTarget("model.onnx", static path => OnnxModelInfo.Read(path), OnnxFile()) { IsBinary = true }),
        new("onnx-session", 4_000, static () => new TextTarget("model.onnx", Session, OnnxFile()) { IsBinary = true }),
    ];

    private static byte[] CocoText => Utf8("""
        {"info": {"year": 2014}, "images": [{"id": 1, "width": 40, "height": 30, "file_name": "a.jpg"}, {"id": 2, "width": 20, "height": 20, "file_name": "b.jpg"}],
         "categories": [{"id": 3, "name": "cat", "supercategory": "animal"}, {"id": 7, "name": "dog"}],
         "annotations": [{"id": 11, "image_id": 1, "category_id": 3, "bbox": [1, 2, 10.5, 12], "area": 80, "iscrowd": 0, "segmentation": [[1, 2, 11, 2, 11, 14, 1, 14]]},
          {"id": 12, "image_id": 1, "category_id": 7, "bbox": [5, 5, 9, 9], "area": 30.5, "iscrowd": 1, "segmentation": {"size": [30, 40], "counts": [300, 20, 880]}},
          {"id": 13, "image_id": 2, "category_id": 7, "bbox": [0, 0, 20, 20], "area": 400, "segmentation": {"size": [20, 20], "counts": "COUNTS"}}]}
        """.Replace("COUNTS", Runs, StringComparison.Ordinal));

    private static byte[] CocoResultsText => Utf8("""
        [{"image_id": 1, "category_id": 3, "score": 0.9, "bbox": [1, 2, 10, 12], "segmentation": {"size": [20, 20], "counts": "COUNTS"}},
         {"image_id": 2, "category_id": 7, "score": 1e-3, "bbox": [0, 0, 5, 5], "segmentation": {"size": [20, 20], "counts": [0, 50, 350]}}]
        """.Replace("COUNTS", Runs, StringComparison.Ordinal));

    private static byte[] Yaml => """
        # A run.
        model: deit_tiny_patch16_224
        weights: "deit.safetensors"
        calibration: images/calibration
        weight-bits: 3
        learning-rate: 1e-4
        final-score-only: true
        Reconstruction:
          Evaluations: 4
          QuantizerLearningRate: 0.001
        Overrides:
          - Pattern: head
            Bits: 8
          - {Pattern: "blocks.*", Bits: 4}
        """u8.ToArray();

    private static byte[] Json => """
        {"model": "deit_tiny_patch16_224", "weights": "deit.safetensors", "calibration": "images", "weight-bits": 3, "learning-rate": 1e-4, "final-score-only": true, // a comment
         "Reconstruction": {"Evaluations": 4, "QuantizerLearningRate": 0.001}, "Overrides": [{"Pattern": "head", "Bits": 8}, {"Pattern": "blocks.*", "Bits": 4}],}
        """u8.ToArray();

    // A backslash stands twice in JSON.
    private static string Runs => RunLengthMask.FromCounts([30, 45, 100, 7, 218], 20, 20).ToCompressed().Replace("\\", "\\\\", StringComparison.Ordinal);

    /// <summary>A kind by its name.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static MutationKind Find(string name) => All.FirstOrDefault(kind => kind.Name == name) ?? throw new ArgumentException($"'{name}' is none of {string.Join(", ", All.Select(static kind => kind.Name))}.", nameof(name));

    private static List<byte[]> Formats(params ReadOnlySpan<string> names)
    {
        var files = new List<byte[]>();
        foreach (var name in names)
        {
            files.Add(SharedFolder.Format(name) ?? throw new FileNotFoundException($"../shared/oracle/formats/{name} is needed."));
        }

        return files;
    }

    private static byte[] Utf8(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static void Labels(string path)
    {
        var list = LabelCsv.Read(path);
        if (list.Count == 0 || list.Any(static item => item.Label is null or < 0 || !File.Exists(item.Path)))
        {
            throw new WrongLoadException("an image without a label, or none");
        }
    }

    private static void Annotations(string path)
    {
        var dataset = CocoDataset.Read(path);
        using var results = new MemoryStream(CocoResultsText);
        Evaluate(dataset, CocoResults.Read(results));
    }

    private static void Detections(string path)
    {
        using var dataset = new MemoryStream(CocoText);
        Evaluate(CocoDataset.Read(dataset), CocoResults.Read(path));
    }

    private static void Evaluate(CocoDataset dataset, IReadOnlyList<CocoResult> results)
    {
        foreach (var overlap in Enum.GetValues<CocoOverlap>())
        {
            CocoEvaluator.Evaluate(dataset, results, overlap);
        }
    }

    private static void Configuration(string path)
    {
        var root = Commands.CreateRoot(new ToolConsole(TextWriter.Null, TextWriter.Null, isInteractive: false));
        string[] args = ["quantize", "--config", path];
        ConfigArguments.Expand(root, args, root.Parse(args));
    }

    private static void Session(string path)
    {
        using var model = OnnxClassifier.Open(path, 1);
        if (model.ImageShape.Count != 3)
        {
            throw new WrongLoadException($"an image of {model.ImageShape.Count} axes");
        }

        model.Describe(path);
    }

    private static void ModelConfiguration(string path)
    {
        using var model = PretrainedModel.Open(Path.GetDirectoryName(path)!);
        model.Load().Dispose();
    }

    private static byte[] Idx(bool compressed)
    {
        var file = new byte[16 + (3 * 5 * 5)];
        file[2] = 8;
        file[3] = 3;
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(4), 3);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(8), 5);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(12), 5);
        if (!compressed)
        {
            return file;
        }

        using var stream = new MemoryStream();
        using (var zip = new GZipStream(stream, CompressionLevel.Fastest))
        {
            zip.Write(file);
        }

        return stream.ToArray();
    }

    private static byte[] Report() => Utf8(new ModelReport
    {
        Title = "A model",
        Run = [new ReportFact("seed", "1")],
        Stages = [],
    }.ToJson());

    private static byte[] OnnxFile()
    {
        using var scope = torch.NewDisposeScope();
        var path = Path.Combine(Path.GetTempPath(), $"isvit-{Guid.NewGuid():N}.onnx");
        using var model = SmallModels.Vit();
        OnnxExport.Save(model, path, new() { Preprocessing = new() { ImageSize = SmallModels.Side }, Metadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["isvit.model"] = "vit_fashion", ["isvit.classes"] = "[\"cat\"]" } });
        return Seeds.Taken(path);
    }
}
