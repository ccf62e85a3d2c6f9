namespace IsVit.Tests.TestSupport;

/// <summary>Weights, images and oracle values that stand beside the repository in <c>../shared</c>; a test that asks for one that is absent is skipped.</summary>
internal static class SharedData
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(RepositoryRoot.Path, "..", "shared"));

    /// <summary>DeiT-Tiny/16 at 224, float32, timm's tensor names.</summary>
    public static string Weights => File("data", "weights", "deit_tiny_patch16_224.safetensors");

    /// <summary>A thousand JPEGs, one a class; the file name begins with the class index.</summary>
    public static string CalibrationImages => Folder("data", "imagenet", "calibration");

    /// <summary>Five hundred JPEGs with labels in <see cref="Labels"/>.</summary>
    public static string TestImages => Folder("data", "imagenet", "test");

    /// <summary>CSV: file, 0-based label, author, licence, url.</summary>
    public static string Labels => File("data", "imagenet", "test", "labels.csv");

    /// <summary>Images of COCO in <c>images</c>, their boxes in <c>labels</c>.</summary>
    public static string DetectionImages => Folder("data", "detection");

    /// <summary>DEIMv2 with HGNetV2 for images of 320 pixels, float32, as an ONNX file.</summary>
    public static string DeimAtto => File("data", "detection", "deimv2_hgnetv2_atto_coco.onnx");

    /// <summary>The path of one file of reference values, such as <c>quantizers.safetensors</c>.</summary>
    public static string Oracle(string name) => File("oracle", name);

    /// <summary>The path of a file, or of a folder, of weights under other names and in other containers.</summary>
    public static string Formats(params string[] parts) => Require(["oracle", "formats", .. parts], Path.Exists);

    private static string File(params string[] parts) => Require(parts, System.IO.File.Exists);

    private static string Folder(params string[] parts) => Require(parts, Directory.Exists);

    private static string Require(string[] parts, Func<string, bool> exists)
    {
        string path = Path.Combine([Root, .. parts]);
        if (!exists(path))
        {
            Assert.Skip($"{path} is absent: real data is kept beside the repository, not in it.");
        }

        return path;
    }
}
