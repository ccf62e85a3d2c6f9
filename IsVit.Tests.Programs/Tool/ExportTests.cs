using System.Text.Json;
using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Models;
using IsVit.Reports;
using IsVit.Tests.Programs.Onnx;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Programs.Tool;

public sealed class ExportTests
{
    [Fact]
    public async Task Export_QuantizedModel_RunsInOnnxRuntimeAndComesBackPacked()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);
        await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "repq", "--output", folder["out"]));
        var saved = folder["out/quantized.safetensors"];

        var onnx = await ToolRun.Of("export", "--quantized", saved, "--output", folder["model.onnx"]);
        var packed = await ToolRun.Of("export", "--quantized", saved, "--format", "packed", "--output", folder["packed.safetensors"]);
        var inspected = await ToolRun.Of("inspect", saved);
        var inspectedOnnx = await ToolRun.Of("inspect", folder["model.onnx"]);

        Assert.Equal(("", 0), (onnx.Error, onnx.ExitCode));
        Assert.Contains($"saved {folder["model.onnx"]}: 0.", onnx.Output, StringComparison.Ordinal);
        using (var runtime = new OnnxModel(folder["model.onnx"]))
        {
            using var scope = torch.NewDisposeScope();
            Assert.Equal([3, 10], runtime.Run(Seeded.Normal(1, 3, 1, 28, 28)).shape);
            Assert.Equal("vit_fashion", runtime.Metadata["isvit.model"]);
            Assert.Equal("4", runtime.Metadata["isvit.weight_bits"]);
        }

        string[] images = ["--weights", folder["weights.safetensors"], "--images", folder["images"], "--labels", folder["labels.csv"]];
        var simulated = await ToolRun.Of(["evaluate", "--quantized", saved, .. images, "--json", folder["simulated.json"]]);
        var evaluated = await ToolRun.Of(["evaluate", "--quantized", folder["model.onnx"], .. images, "--json", folder["onnx.json"]]);
        Assert.Equal(("", 0), (evaluated.Error, evaluated.ExitCode));
        Assert.Equal(0, simulated.ExitCode);
        var (expected, actual) = (Read(folder["simulated.json"]), Read(folder["onnx.json"]));
        foreach (var field in (string[])["model", "method", "weightBits", "activationBits", "seed", "top1", "top5", "floatBytes"])
        {
            Assert.Equal(expected.GetProperty(field).GetRawText(), actual.GetProperty(field).GetRawText());
        }

        Assert.Equal(expected.GetProperty("logitsMse").GetDouble(), actual.GetProperty("logitsMse").GetDouble(), expected.GetProperty("logitsMse").GetDouble() * 0.05);

        Assert.Equal(0, packed.ExitCode);
        Assert.Equal(File.ReadAllBytes(saved), File.ReadAllBytes(folder["packed.safetensors"]));

        Assert.Equal(("", 0), (inspected.Error, inspected.ExitCode));
        Assert.Contains("blocks.0.attn.qkv:weight", inspected.Output, StringComparison.Ordinal);
        Assert.Contains("192 x 64", inspected.Output, StringComparison.Ordinal);
        Assert.Contains("isvit.tool.Method: repq", inspected.Output, StringComparison.Ordinal);
        Assert.Equal(("", 0), (inspectedOnnx.Error, inspectedOnnx.ExitCode));
        Assert.Contains("isvit.weight_bits: 4", inspectedOnnx.Output, StringComparison.Ordinal);
        Assert.Contains("operators, set 20: ", inspectedOnnx.Output, StringComparison.Ordinal);
        Assert.Matches(@"blocks\.0\.mlp\.fc1\.weight +\| +uint8 \| +32 x 256 \| +8192 ", inspectedOnnx.Output);
        Assert.Contains($"{new FileInfo(folder["model.onnx"]).Length} bytes: ", inspectedOnnx.Output, StringComparison.Ordinal);
        using var file = SafetensorsFile.Open(saved);
        Assert.Contains($"{new FileInfo(saved).Length} bytes: {file.Tensors.Values.Where(static t => t.Name.StartsWith("codes/", StringComparison.Ordinal)).Sum(static t => t.ByteCount)} of weights' codes", inspected.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bench_QuantizedModel_MeasuresEveryFormat()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);
        await ToolRun.Of(FashionFolder.Quantize(folder, "--preset", "w4a8", "--output", folder["out"], "--report", folder["report"]));
        var saved = folder["out/quantized.safetensors"];
        await ToolRun.Of("export", "--quantized", saved, "--kernels", "fast", "--output", folder["own.onnx"]);

        var run = await ToolRun.Of("bench", "--quantized", saved, "--weights", folder["weights.safetensors"], "--onnx", folder["own.onnx"], "--labels", folder["labels.csv"], "--images", folder["images"], "--batch", "1", "3", "--rounds", "2", "--threads", "1", "--report", folder["report"]);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains("batch 3: ms", run.Output, StringComparison.Ordinal);
        var size = new FileInfo(saved).Length / 1e6;
        Assert.Matches(FormattableString.Invariant($@"packed, simulated +\| +{size:F2} \| +0\.\d\d \| +\d+\.\d+ \| +\d+\.\d\d \| +\d+\.\d+ \| +\d+\.\d\d \|"), run.Output);
        Assert.Matches(@"float, ONNX +\| +\d\.\d\d \| +1\.00 \| +\d+\.\d+ \| +1\.00 \| +\d+\.\d+ \| +1\.00 \|", run.Output);
        Assert.Matches(@"packed, simulated +\| +\d+\.\d\d \| +100\.00 \| +0 \|", run.Output);
        Assert.Matches(@"the same, rounding moved +\| +\d+\.\d\d \| +\d+\.\d\d \| +\d", run.Output);
        foreach (var format in (string[])["IsVit.Runtime", "ONNX, exact kernels", "ONNX, fast kernels", "own.onnx"])
        {
            Assert.Contains(format, run.Output, StringComparison.Ordinal);
        }

        var report = ModelReports.Open(folder["report"]);
        Assert.Equal(
            ((string[])["float, ONNX", "IsVit.Runtime", "ONNX, exact kernels", "ONNX, fast kernels", "packed, simulated", "own.onnx"]).SelectMany(static name => (int[])[1, 3], static (name, batch) => (name, batch)),
            report.Latencies.Select(static row => (row.Format, row.BatchSize)));
        Assert.All(report.Latencies, static row => Assert.True(row.Milliseconds > 0));
        Assert.Equal(new FileInfo(saved).Length, report.Latencies.First(static row => row.Format == "packed, simulated").Bytes);
        Assert.StartsWith("median of 2 runs taken in turns, 1 threads; ", Assert.Single(report.Run, static fact => fact.Name == "latency").Value, StringComparison.Ordinal);
        Assert.NotEmpty(report.Sites);
        Assert.Contains("<h2 id=\"latency\">", File.ReadAllText(folder["report/report.html"]), StringComparison.Ordinal);

        (report with { Run = [new("quantized model", "x, SHA-256 0")] }).Save(folder["other"]);
        var other = await ToolRun.Of("bench", "--quantized", saved, "--report", folder["other"]);
        other.AssertRefused($"{folder["other"]}: the report is of another model: of x, SHA-256 0, and {saved} has the SHA-256 ");
    }

    [Fact]
    public async Task Export_FloatModel_RunsInOnnxRuntime()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);

        var run = await ToolRun.Of("export", "--model", "vit_fashion", "--weights", folder["weights.safetensors"], "--output", folder["float.onnx"]);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        using var runtime = new OnnxModel(folder["float.onnx"]);
        Assert.Equal("vit_fashion", runtime.Metadata["isvit.model"]);
    }

    [Fact]
    public async Task Export_Detector_RunsInOnnxRuntime()
    {
        using var folder = new TemporaryFolder();
        using (var detector = DetectorCatalog.Create(DetectorCatalog.Demo, 3))
        {
            StateDict.Save(detector, folder["weights.safetensors"]);
        }

        var run = await ToolRun.Of("export", "--model", DetectorCatalog.Demo, "--classes", "3", "--weights", folder["weights.safetensors"], "--output", folder["detector.onnx"]);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        using var runtime = new OnnxDetector(folder["detector.onnx"]);
        Assert.Equal(DetectorCatalog.Demo, runtime.Metadata["isvit.model"]);
        Assert.Equal("3", runtime.Metadata["isvit.classes"]);
        Assert.Contains("\"short_side\":128", runtime.Metadata["isvit.preprocessing"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("export --output x --model swin_micro_mask_rcnn", "there is nothing to export; give --quantized, or --weights.")]
    [InlineData("export --output x --model swin_micro_mask_rcnn --weights w --format packed", "quantize it first")]
    [InlineData("export --output x", "there is nothing to export")]
    [InlineData("export --output x --model vit_fashion", "there is nothing to export")]
    [InlineData("export --output x --quantized q --model vit_fashion", "leave out --model and --weights")]
    [InlineData("export --output x --quantized /nowhere/file", "/nowhere/file: no such file.")]
    [InlineData("export --output x --model vit_fashion --weights w --format packed", "quantize it first")]
    [InlineData("export --output x --format pickle", "Argument 'pickle' not recognized")]
    [InlineData("export --output x --kernels wide", "--kernels is 'wide'; allowed is one of exact, fast.")]
    [InlineData("export --quantized q --output /nowhere/model.onnx", "/nowhere: no such folder, so model.onnx cannot be written there.")]
    [InlineData("export --quantized q --output .", ".: is a folder; --output names a file.")]
    [InlineData("inspect /nowhere/file", "/nowhere/file: no such file.")]
    [InlineData("bench", "there is nothing to measure")]
    [InlineData("bench --weights w --onnx x.onnx", "give both")]
    [InlineData("bench --onnx /nowhere/file.onnx", "/nowhere/file.onnx: no such file.")]
    [InlineData("bench --onnx x.onnx --images .", "give it too")]
    [InlineData("bench --onnx x.onnx --report r", "--report is the report of the model of --quantized; give both.")]
    [InlineData("bench --quantized q --batch 0", "--batch is 0; allowed is 1 to 1024.")]
    [InlineData("bench --quantized q --rounds 0", "--rounds is '0'")]
    [InlineData("evaluate --quantized /nowhere/file.onnx", "/nowhere/file.onnx: no such file.")]
    public async Task Run_WrongArguments_OneLineAndCode2(string arguments, string expected)
    {
        var run = await ToolRun.Of(arguments.Split(' '));

        run.AssertRefused(expected);
    }

    [Fact]
    public async Task Evaluate_NoOnnxModel_SaysSo()
    {
        using var folder = new TemporaryFolder();
        folder.File("broken.onnx", "no model"u8);

        var run = await ToolRun.Of("evaluate", "--quantized", folder["broken.onnx"]);
        var inspected = await ToolRun.Of("inspect", folder["broken.onnx"]);

        run.AssertRefused("ONNX Runtime cannot load it");
        inspected.AssertRefused("broken.onnx: no ONNX model");
    }

    private static JsonElement Read(string path) => JsonDocument.Parse(File.ReadAllText(path)).RootElement;

    [Fact]
    public async Task Inspect_DamagedFile_NamesTheTensor()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);
        await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--output", folder["out"]));
        var content = File.ReadAllBytes(folder["out/quantized.safetensors"]);
        content[^2000] ^= 1;
        File.WriteAllBytes(folder["damaged.safetensors"], content);

        var run = await ToolRun.Of("inspect", folder["damaged.safetensors"]);

        run.AssertRefused("the file is damaged");
    }
}
