using System.Globalization;
using System.Text.Json;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Imaging;
using IsVit.Model.Saved;
using IsVit.Tests.Programs.Onnx;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Programs.Tool;

/// <summary>The tool on weights as people have them.</summary>
public sealed class SnapshotTests
{
    [Fact]
    public async Task Quantize_FolderOfASnapshot_NeedsNoModel_AndEvaluatesAndExports()
    {
        using var folder = new TemporaryFolder();
        WriteImages(folder, classes: 7);
        var weights = SharedData.Formats("hf_vit");
        string[] images = ["--images", folder["images"], "--labels", folder["labels.csv"]];

        var run = await ToolRun.Of(["quantize", "--weights", weights, "--calibration", folder["images"], "--method", "minmax", "--output", folder["out"], "--json", folder["report.json"], .. images]);
        var saved = folder["out/quantized.safetensors"];
        var evaluated = await ToolRun.Of(["evaluate", "--quantized", saved, "--weights", weights, "--json", folder["again.json"], .. images]);
        var exported = await ToolRun.Of("export", "--quantized", saved, "--output", folder["model.onnx"]);
        var graph = await ToolRun.Of(["evaluate", "--quantized", folder["model.onnx"], "--weights", weights, "--json", folder["onnx.json"], .. images]);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains("hf_vit: there is no preprocessor_config.json", run.Output, StringComparison.Ordinal);
        Assert.Contains("hf_vit: 12 calibration images", run.Output, StringComparison.Ordinal);
        Assert.Equal(("", 0), (evaluated.Error, evaluated.ExitCode));
        Assert.Equal(("", 0), (exported.Error, exported.ExitCode));
        Assert.Equal(("", 0), (graph.Error, graph.ExitCode));
        foreach (var field in (string[])["model", "method", "floatTop1", "top1", "logitsMse"])
        {
            Assert.Equal(Read(folder["report.json"], field), Read(folder["again.json"], field));
        }

        Assert.Equal(Read(folder["report.json"], "floatTop1"), Read(folder["onnx.json"], "floatTop1"));
        using var model = SavedModel.Open(saved);
        Assert.Equal("hf_vit", model.Description!.Name);
        Assert.Equal(32, model.Description.Preprocessing!.ImageSize);
    }

    /// <summary>The images are twice as wide as high, so that a middle square is not the whole.</summary>
    [Fact]
    public async Task Quantize_SnapshotWhoseImagesAreSquashed_PreparesThemSoEverywhere()
    {
        using var folder = new TemporaryFolder();
        WriteImages(folder, classes: 7, width: 56);
        Directory.CreateDirectory(folder["vit"]);
        foreach (var file in (string[])["config.json", "model.safetensors"])
        {
            File.Copy(SharedData.Formats("hf_vit", file), folder[$"vit/{file}"]);
        }

        folder.File("vit/preprocessor_config.json", """{"do_resize": true, "size": {"height": 32, "width": 32}, "resample": 3}"""u8);
        async Task<(ResizeMode Mode, string Error)> Quantize(string name, params string[] options)
        {
            var run = await ToolRun.Of(
                ["quantize", "--weights", folder["vit"], "--calibration", folder["images"], "--method", "minmax", "--output", folder[name], "--json", folder[$"{name}.json"], "--images", folder["images"], "--labels", folder["labels.csv"], .. options]);
            Assert.Equal(("", 0), (run.Error, run.ExitCode));
            Assert.DoesNotContain("preprocessor_config.json", run.Output, StringComparison.Ordinal);
            using var saved = SavedModel.Open(folder[$"{name}/quantized.safetensors"]);
            return (saved.Description!.Preprocessing!.ResizeMode, Read(folder[$"{name}.json"], "logitsMse"));
        }

        var squashed = await Quantize("squashed");
        var cropped = await Quantize("cropped", "--resize", "short-side");
        async Task<string> Evaluate(params string[] options)
        {
            var run = await ToolRun.Of(
                ["evaluate", "--quantized", folder["squashed/quantized.safetensors"], "--weights", folder["vit"], "--json", folder["again.json"], "--images", folder["images"], "--labels", folder["labels.csv"], .. options]);
            Assert.Equal(("", 0), (run.Error, run.ExitCode));
            return Read(folder["again.json"], "logitsMse");
        }

        Assert.Equal((ResizeMode.Squash, ResizeMode.ShortSide), (squashed.Mode, cropped.Mode));
        Assert.NotEqual(squashed.Error, cropped.Error);
        Assert.Equal(squashed.Error, await Evaluate());
        Assert.NotEqual(squashed.Error, await Evaluate("--resize", "short-side"));
    }

    /// <summary>Tables of relative positions of windows that the weights do not have, in all that a quantized model goes through.</summary>
    [Fact]
    public async Task Quantize_SwinOfOtherWindows_IsTheSameSavedAndExported()
    {
        using var folder = new TemporaryFolder();
        WriteImages(folder, classes: 7);
        var weights = SharedData.Formats("hf_swin");
        string[] images = ["--images", folder["images"], "--labels", folder["labels.csv"]];
        var saved = folder["out/quantized.safetensors"];

        var run = await ToolRun.Of(
            ["quantize", "--weights", weights, "--image-size", "96", "--window-size", "6", "--calibration", folder["images"], "--method", "minmax", "--output", folder["out"], "--json", folder["report.json"], .. images]);
        var evaluated = await ToolRun.Of(["evaluate", "--quantized", saved, "--weights", weights, "--json", folder["again.json"], .. images]);
        var exported = await ToolRun.Of("export", "--quantized", saved, "--output", folder["model.onnx"]);
        var graph = await ToolRun.Of(["evaluate", "--quantized", folder["model.onnx"], "--weights", weights, "--json", folder["onnx.json"], .. images]);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains("the relative position biases of windows of 4 are resized to windows of 6, in layers.0, layers.1", run.Output, StringComparison.Ordinal);
        Assert.Equal(("", 0), (evaluated.Error, evaluated.ExitCode));
        Assert.Equal(("", 0), (exported.Error, exported.ExitCode));
        Assert.Equal(("", 0), (graph.Error, graph.ExitCode));
        Assert.Equal(Read(folder["report.json"], "logitsMse"), Read(folder["again.json"], "logitsMse"));

        // Summed in another order; with other windows the float model would be another one.
        var (here, there) = (double.Parse(Read(folder["report.json"], "logitsMse"), CultureInfo.InvariantCulture), double.Parse(Read(folder["onnx.json"], "logitsMse"), CultureInfo.InvariantCulture));
        Assert.InRange(there / here, 0.98, 1.02);
    }

    /// <summary>Layer scale, registers and the larger input, through every stage and into a graph.</summary>
    [Fact]
    public async Task Quantize_RegistersAtAnotherImageSize_ExportsWhatItComputes()
    {
        using var folder = new TemporaryFolder();
        WriteImages(folder, classes: 7);

        var run = await ToolRun.Of(
            "quantize", "--weights", SharedData.Formats("hf_dinov2_registers"), "--image-size", "48", "--calibration", folder["images"], "--images", folder["images"], "--labels", folder["labels.csv"],
            "--iterations", "1", "--batch", "4", "--tuning-steps", "1", "--output", folder["out"]);
        var exported = await ToolRun.Of("export", "--quantized", folder["out/quantized.safetensors"], "--output", folder["model.onnx"]);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains("the position embedding of 4 x 4 patches is resized to 6 x 6, for images of 48 pixels", run.Output, StringComparison.Ordinal);
        Assert.Contains("quantized: all ", run.Output, StringComparison.Ordinal);
        Assert.Equal(("", 0), (exported.Error, exported.ExitCode));
        using var scope = torch.NewDisposeScope();
        using var runtime = new OnnxModel(folder["model.onnx"]);
        Assert.Equal([2, 7], runtime.Run(Seeded.Normal(1, 2, 3, 48, 48)).shape);
    }

    [Fact]
    public async Task Quantize_WeightsWithoutHead_QuantizesFeatures()
    {
        using var scope = torch.NewDisposeScope();
        using var folder = new TemporaryFolder();
        WriteImages(folder, classes: 7);
        using (var file = SafetensorsFile.Open(SharedData.Formats("hf_dinov2", "model.safetensors")))
        {
            SafetensorsFile.Write(folder["model.safetensors"], file.Tensors.Keys.Where(static name => !name.StartsWith("classifier", StringComparison.Ordinal)).Select(name => KeyValuePair.Create(name, file.Read(name))));
        }

        File.Copy(SharedData.Formats("hf_dinov2", "config.json"), folder["config.json"]);
        string[] arguments = ["quantize", "--weights", folder["model.safetensors"], "--calibration", folder["images"], "--iterations", "1", "--batch", "4", "--tuning-steps", "1"];

        var run = await ToolRun.Of([.. arguments, "--output", folder["out"]]);
        var exported = await ToolRun.Of("export", "--quantized", folder["out/quantized.safetensors"], "--output", folder["model.onnx"]);
        var scored = await ToolRun.Of([.. arguments, "--images", folder["images"]]);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains("model.safetensors: there is no head among the weights: the model outputs features", run.Output, StringComparison.Ordinal);
        Assert.Equal(("", 0), (exported.Error, exported.ExitCode));
        using var runtime = new OnnxModel(folder["model.onnx"]);
        Assert.Equal([2, 48], runtime.Run(Seeded.Normal(1, 2, 3, 32, 32)).shape);
        Assert.Contains("the model has no head and outputs features, which test images cannot score", scored.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quantize_OtherNumberOfClassesThanTheWeights_SaysBoth()
    {
        using var folder = new TemporaryFolder();
        WriteImages(folder, classes: 7);

        var run = await ToolRun.Of("quantize", "--weights", SharedData.Formats("hf_swin"), "--classes", "10", "--calibration", folder["images"]);

        run.AssertRefused("has 7 classes, not 10; leave out --classes.");
    }

    [Fact]
    public async Task Quantize_PrefixAndSkip_TakeApartWhatIsNotRecognised()
    {
        using var scope = torch.NewDisposeScope();
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);
        using (var file = SafetensorsFile.Open(folder["weights.safetensors"]))
        {
            SafetensorsFile.Write(folder["odd.safetensors"], file.Tensors.Keys.Where(static name => name != "head.bias").Select(name => KeyValuePair.Create($"trunk.{name}", file.Read(name))).Append(new("other", torch.ones(1))));
        }

        string[] arguments = ["quantize", "--model", "vit_fashion", "--weights", folder["odd.safetensors"], "--calibration", folder["images"], "--method", "minmax"];

        var plain = await ToolRun.Of(arguments);
        var prefixed = await ToolRun.Of([.. arguments, "--prefix", "trunk."]);
        var skipped = await ToolRun.Of([.. arguments, "--prefix", "trunk.", "--skip", "head.bias"]);

        Assert.Equal(2, plain.ExitCode);
        Assert.InRange(plain.Error.Length, 100, 1000);
        Assert.Contains("1 missing: head.bias.", prefixed.Error, StringComparison.Ordinal);
        Assert.Equal(("", 0), (skipped.Error, skipped.ExitCode));
    }

    [Theory]
    [InlineData("hf_deit", "fits hf_deit (32 x 32 pixels, 7 classes)", "distilled DeiT, Hugging Face's names: 2 blocks of width 48, patches of 8 pixels, images of 32, 7 classes")]
    [InlineData("hf_swin", "fits hf_swin (64 x 64 pixels, 7 classes)", "Swin, Hugging Face's names: 2, 2 blocks of width 24 and its doubles, windows of 4, 7 classes")]
    [InlineData("hf_vit_sharded", "fits hf_vit_sharded (32 x 32 pixels, 7 classes)", "2 files, each safetensors: ")]
    [InlineData("pth/checkpoint_state_dict_module.pth", "No model of the catalogue has these sizes", "distilled DeiT, timm's names behind 'module.': ")]
    public async Task Inspect_FloatWeights_ShowsTensorsNamesAndFit(string path, string fits, string recognised)
    {
        var run = await ToolRun.Of("inspect", SharedData.Formats(path.Split('/')));

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains(fits, run.Output, StringComparison.Ordinal);
        Assert.Contains(recognised, run.Output, StringComparison.Ordinal);
        Assert.Contains("F32", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_FloatWeightsOfAnotherModel_CountsWhatDoesNotFit()
    {
        var run = await ToolRun.Of("inspect", SharedData.Formats("pth", "state_dict_zip.pth"), "--model", "deit_tiny_distilled_patch16_224");

        Assert.Contains("does not fit deit_tiny_distilled_patch16_224", run.Output, StringComparison.Ordinal);
        Assert.Contains("120 missing: blocks.2.norm1.weight, blocks.2.norm1.bias, blocks.2.attn.qkv.weight and 117 more", run.Output, StringComparison.Ordinal);
    }

    // Squares of noise in class order.
    private static void WriteImages(TemporaryFolder folder, int classes, int width = 28)
    {
        Directory.CreateDirectory(folder["images"]);
        var random = new Random(7);
        var lines = new List<string> { "file,label" };
        for (var i = 0; i < 12; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{i:000}.png");
            var pixels = new byte[width * 28];
            random.NextBytes(pixels);
            FashionFolder.WriteImage(Path.Combine(folder["images"], name), pixels);
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"{name},{i % classes}"));
        }

        File.WriteAllLines(folder["labels.csv"], lines);
    }

    private static string Read(string path, string field)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(path));
        return json.RootElement.GetProperty(field).GetRawText();
    }
}
