using System.Security.Cryptography;
using System.Text.Json;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Files;
using IsVit.Model.Saved;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Recipes;
using IsVit.Reports;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Cli;
using IsVit.Tool.Inputs;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;
using IsVit.Tool.Workloads;

namespace IsVit.Tests.Programs.Tool;

public sealed class QuantizeTests
{
    private static readonly string[] Fields =
    [
        "model", "method", "weightBits", "activationBits", "seed", "floatTop1", "floatTop5", "top1", "top5", "logitsMse", "stages", "units",
        "calibrationSeconds", "totalSeconds", "peakMemoryMb", "modelBytes", "floatBytes", "run",
    ];

    [Fact]
    public async Task Quantize_SmallModel_SavesModelAndReport_AndEvaluateAgrees()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--weight-bits", "3", "--activation-bits", "5", "--seed", "4", "--output", folder["out"], "--json", folder["report.json"], "--report", folder["look"]));

        Assert.Equal("", run.Error);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("isvit W3A5", run.Output, StringComparison.Ordinal);
        Assert.Contains("quantized: all 38 matrix products (5.3 million multiply-accumulates an image)\n", run.Output, StringComparison.Ordinal);
        Assert.Equal(["quantized.safetensors"], Directory.GetFiles(folder["out"]).Select(Path.GetFileName));
        var report = Read(folder["report.json"]);
        Assert.Equal(Fields, report.EnumerateObject().Select(p => p.Name));
        Assert.Equal("vit_fashion", report.GetProperty("model").GetString());
        Assert.Equal("isvit", report.GetProperty("method").GetString());
        Assert.Equal(3, report.GetProperty("weightBits").GetInt32());
        Assert.Equal(5, report.GetProperty("activationBits").GetInt32());
        Assert.Equal(4, report.GetProperty("seed").GetInt32());
        Assert.Equal(new FileInfo(folder["out/quantized.safetensors"]).Length, report.GetProperty("modelBytes").GetInt64());
        Assert.Equal(305_034 * 4, report.GetProperty("floatBytes").GetInt64());
        Assert.InRange(report.GetProperty("logitsMse").GetDouble(), 1e-12, 1);
        var stages = report.GetProperty("stages").EnumerateArray().ToList();
        Assert.Equal(QuantizationRecipes.Find(RecipeNames.ISVit)!.Stages.Select(static stage => stage.Name), stages.Select(s => s.GetProperty("name").GetString()));
        Assert.All(stages, s => Assert.Equal(["name", "seconds", "top1"], s.EnumerateObject().Select(p => p.Name)));
        Assert.Equal(report.GetProperty("top1").GetDouble(), stages[^1].GetProperty("top1").GetDouble());
        var units = report.GetProperty("units").EnumerateArray().ToList();
        Assert.Equal(17, units.Count);
        Assert.All(units, u => Assert.Equal(["name", "stage", "lossBefore", "lossAfter", "iterations", "seconds"], u.EnumerateObject().Select(p => p.Name)));
        // The patch embedding has no activation to quantize, so only its weights are reconstructed.
        Assert.Equal([0, .. Enumerable.Repeat(1, 16)], units.Select(u => u.GetProperty("iterations").GetInt32()));

        var hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(folder["weights.safetensors"])));
        var facts = report.GetProperty("run").EnumerateArray().ToDictionary(static fact => fact.GetProperty("name").GetString()!, static fact => fact.GetProperty("value").GetString()!, StringComparer.Ordinal);
        Assert.Equal($"{folder["weights.safetensors"]}, SHA-256 {hash}", facts["weights"]);
        Assert.StartsWith($"{folder["images"]}, ", facts["test images"], StringComparison.Ordinal);
        Assert.Contains(" --weight-bits 3 --activation-bits 5 ", facts["command"], StringComparison.Ordinal);
        var look = ModelReports.FromJson(File.ReadAllText(folder["look/report.json"]));
        Assert.Equal(("vit_fashion, isvit W3A5", 17), (look.Title, look.Trainings.Count));
        Assert.Equal(report.GetProperty("top1").GetDouble(), look.Scores.Single(static score => score.Name == "top-1, %").QuantizedModel);
        Assert.NotEmpty(look.Images);
        Assert.NotEmpty(look.Units);
        Assert.Equal(15, look.Landscape!.Steps.Count);
        Assert.Contains(look.Run, fact => fact == SavedModelFact.Of(folder["out/quantized.safetensors"]));
        Assert.Contains($"report {folder["look/report.html"]}", run.Output, StringComparison.Ordinal);

        var evaluation = await ToolRun.Of(
            "evaluate", "--quantized", folder["out/quantized.safetensors"], "--weights", folder["weights.safetensors"], "--images", folder["images"], "--labels", folder["labels.csv"],
            "--batch", "4", "--json", folder["evaluation.json"]);

        Assert.Equal("", evaluation.Error);
        var again = Read(folder["evaluation.json"]);
        foreach (var field in new[] { "model", "method", "weightBits", "activationBits", "seed", "floatTop1", "floatTop5", "top1", "top5", "logitsMse", "modelBytes", "floatBytes" })
        {
            Assert.Equal(report.GetProperty(field).GetRawText(), again.GetProperty(field).GetRawText());
        }
    }

    [Fact]
    public async Task Quantize_PresetOfWeightsOnly_WarnsOfNothing()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--preset", "w4a16", "--json", folder["report.json"]));

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains("weight-only W4A16", run.Output, StringComparison.Ordinal);
        var report = Read(folder["report.json"]);
        Assert.Equal(("weight-only", 4, 16), (report.GetProperty("method").GetString(), report.GetProperty("weightBits").GetInt32(), report.GetProperty("activationBits").GetInt32()));
    }

    /// <summary>Whatever else fails, the model is there, and what failed is told.</summary>
    [Fact]
    public async Task Quantize_ReportThatCannotBeWrittenAfterTheRun_KeepsTheModelAndSaysSo()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);
        Directory.CreateDirectory(folder["reports"]);

        // The output's temporary folder is made when the report's place has been tried.
        var started = ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--output", folder["out"], "--json", folder["reports/report.json"]));
        SpinWait.SpinUntil(() => started.IsCompleted || Directory.GetDirectories(folder.Path, "out.*.tmp").Length > 0);

        Directory.Delete(folder["reports"]);
        var run = await started;

        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith($"isvit: the report cannot be written to {folder["reports/report.json"]}: ", run.Error, StringComparison.Ordinal);
        Assert.Equal(1, run.Error.Count(static letter => letter == '\n'));
        Assert.Contains($"saved {folder["out/quantized.safetensors"]}\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("quantized: all 38 matrix products", run.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await ToolRun.Of("evaluate", "--quantized", folder["out/quantized.safetensors"], "--images", folder["images"], "--labels", folder["labels.csv"])).ExitCode);
    }

    [Fact]
    public async Task Quantize_ReportThatCannotBeWritten_RefusesBeforeTheRun()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "A folder that not even root can write to: /proc of Linux.");
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--json", "/proc/report.json"));

        run.AssertRefused("/proc/report.json: cannot be written: ");
        Assert.Equal("", run.Output);
    }

    [Fact]
    public async Task Quantize_ModelThatNobodyKeeps_HasTheLengthOfTheOneKept()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);

        await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--json", folder["report.json"]));
        await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--output", folder["out"]));

        Assert.Equal(new FileInfo(folder["out/quantized.safetensors"]).Length, Read(folder["report.json"]).GetProperty("modelBytes").GetInt64());
    }

    [Fact]
    public void Do_PartsThatFail_TellsThemAndDoesTheRest()
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var aftermath = new Aftermath(new ToolConsole(output, error, isInteractive: false));
        var done = 0;

        aftermath.Do("the first cannot be done", static () => throw new IOException("no room"));
        var codeAfterAFailure = aftermath.ExitCode;
        aftermath.Do("the second cannot be done", () => done++);

        Assert.Equal((ExitCode.Failure, ExitCode.Failure, 1, "isvit: the first cannot be done: no room\n"), (codeAfterAFailure, aftermath.ExitCode, done, error.ToString()));
        aftermath.Do("the third cannot be done", static () => throw new OperationCanceledException());
        Assert.Equal(ExitCode.Cancelled, aftermath.ExitCode);
        Assert.EndsWith("isvit: the third cannot be done: cancelled.\n", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quantize_FinalScoreOnly_LeavesOutTheStages()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--final-score-only", "--json", folder["report.json"]));

        Assert.Equal("", run.Error);
        var report = Read(folder["report.json"]);
        Assert.Equal(JsonValueKind.Number, report.GetProperty("top1").ValueKind);
        Assert.All(report.GetProperty("stages").EnumerateArray(), static stage => Assert.Equal(JsonValueKind.Null, stage.GetProperty("top1").ValueKind));
    }

    [Fact]
    public async Task Quantize_EngineOptions_ReachTheEngine()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);
        Directory.CreateDirectory(folder["cache"]);

        var full = await Losses("--device", "cpu");
        var disk = await Losses("--cache", "disk", "--cache-folder", folder["cache"]);
        var bfloat16 = await Losses("--cache", "bfloat16");
        var narrow = await Losses("--precision", "bfloat16");
        var weighted = await Losses("--output-weight", "0.5");
        var missing = await ToolRun.Of(FashionFolder.Quantize(folder, "--cache-folder", folder["nowhere"]));

        // Where no loss falls every unit keeps the state it began with, and no precision of the training can be seen.
        Assert.Contains(full, static unit => unit.After < unit.Before);
        Assert.Equal(full, disk);
        Assert.NotEqual(full[0].Before, bfloat16[0].Before);
        Assert.NotEqual(full, narrow);
        Assert.All(weighted[..^1], static unit => Assert.Equal(1.5, unit.Before, 1e-9));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder["cache"]));
        missing.AssertRefused("expected a folder that exists");

        async Task<(double Before, double After)[]> Losses(params string[] options)
        {
            // Short steps, each of all images: the loss falls in most units by percents, whatever the processor rounds.
            var arguments = FashionFolder.Quantize(folder, [.. options, "--learning-rate", "0.00003", "--drop-probability", "0", "--held-out", "0", "--views", "1", "--json", folder["report.json"]]);
            arguments[Array.IndexOf(arguments, "--iterations") + 1] = "8";
            arguments[Array.IndexOf(arguments, "--batch") + 1] = "12";
            var run = await ToolRun.Of(arguments);
            Assert.Equal("", run.Error);
            return [.. Read(folder["report.json"]).GetProperty("units").EnumerateArray()
                .Select(static unit => (unit.GetProperty("lossBefore").GetDouble(), unit.GetProperty("lossAfter").GetDouble()))
                .Where(static unit => unit.Item1 > 0)];
        }
    }

    [Fact]
    public async Task Quantize_PrunedWeights_WarnsOrKeepsTheZeros()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder);
        using (var scope = TorchSharp.torch.NewDisposeScope())
        using (var model = ModelCatalog.Create(ModelCatalog.Demo))
        using (TorchSharp.torch.no_grad())
        {
            StateDict.Load(model, folder["weights.safetensors"]);
            var head = model.named_parameters().Single(static entry => entry.name == "head.weight").parameter;
            head.masked_fill_(head.abs().lt(head.abs().median()), 0);
            StateDict.Save(model, folder["weights.safetensors"]);
        }

        var warned = await ToolRun.Of(FashionFolder.Quantize(folder, "--weight-bits", "3", "--output", folder["warned"]));
        var kept = await ToolRun.Of(FashionFolder.Quantize(folder, "--weight-bits", "3", "--sparsity", "keep", "--output", folder["kept"]));

        Assert.Equal((0, 0), (warned.ExitCode, kept.ExitCode));
        Assert.Equal("isvit: warning: 1 layers are pruned, most of all head (50 % of its weights are 0); not all zeros will stay. Options.Sparsity = Keep keeps them.\n", warned.Error.ReplaceLineEndings("\n"));
        Assert.Equal("", kept.Error);
        Assert.InRange(Zeros("warned"), 0, 319);
        Assert.InRange(Zeros("kept"), 319, 640);

        int Zeros(string run)
        {
            using var saved = SavedModel.Open(folder[$"{run}/quantized.safetensors"]);
            return saved.ReadWeight(saved.Sites.Single(static site => site.Site.Id == "head:weight")).Count(static weight => weight == 0);
        }
    }

    [Theory]
    [InlineData(false, "demo")]
    [InlineData(false, "quantize", "--method", "isvit", "--cache", "memory")]
    [InlineData(false, "quantize", "--cache", "tape")]
    [InlineData(false, "quantize", "--cache")]
    [InlineData(true, "quantize", "--device", "cpu", "--cache", "bfloat16", "--batch", "32")]
    [InlineData(true, "quantize", "--cache=disk")]
    public void AsksToSaveMemory_Arguments_TellsWhetherTheCacheDoes(bool expected, params string[] args) => Assert.Equal(expected, EngineOptions.AsksToSaveMemory(args));

    [Fact]
    public async Task Quantize_WithoutLabels_LeavesAccuraciesNull()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);

        var run = await ToolRun.Of(
            "quantize", "--model", "vit_fashion", "--weights", folder["weights.safetensors"], "--calibration", folder["images"], "--images", folder["images"], "--method", "minmax",
            "--json", folder["report.json"]);

        Assert.Equal("", run.Error);
        var report = Read(folder["report.json"]);
        Assert.Equal(JsonValueKind.Null, report.GetProperty("top1").ValueKind);
        Assert.Equal(JsonValueKind.Null, report.GetProperty("floatTop5").ValueKind);
        Assert.Equal(JsonValueKind.Number, report.GetProperty("logitsMse").ValueKind);
    }

    [Fact]
    public async Task Quantize_ClassFolders_GiveLabels()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        Directory.CreateDirectory(folder["tree/3"]);
        Directory.CreateDirectory(folder["tree/7"]);
        File.Copy(folder["images/000.png"], folder["tree/3/0.png"]);
        File.Copy(folder["images/001.png"], folder["tree/7/1.png"]);

        var run = await ToolRun.Of(
            "quantize", "--model", "vit_fashion", "--weights", folder["weights.safetensors"], "--calibration", folder["images"], "--images", folder["tree"], "--method", "minmax",
            "--json", folder["report.json"]);

        Assert.Equal("", run.Error);
        Assert.Contains(Read(folder["report.json"]).GetProperty("top1").GetDouble(), new[] { 0d, 50, 100 });
    }

    [Fact]
    public async Task Quantize_ClassFoldersOfOtherClasses_Refuses()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        Directory.CreateDirectory(folder["tree/coat"]);
        File.Copy(folder["images/000.png"], folder["tree/coat/0.png"]);

        var run = await ToolRun.Of("quantize", "--model", "vit_fashion", "--weights", folder["weights.safetensors"], "--calibration", folder["images"], "--images", folder["tree"], "--method", "minmax");

        run.AssertRefused($"'{folder["tree"]}': has 1 class folders ('coat' to 'coat'), and the model 10 classes");
    }

    [Fact]
    public async Task Quantize_WrongInputs_OneLineAndNothingWritten()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        Directory.CreateDirectory(folder["empty"]);
        File.WriteAllText(folder["broken.safetensors"], "not weights at all");
        File.WriteAllText(folder["labels-1000.csv"], "file,label\n000.png,10\n");
        File.WriteAllText(folder["labels-missing.csv"], "file,label\nnone.png,1\n");
        File.WriteAllText(folder["images/bad.txt"], "");
        var before = folder.Entries.ToList();
        foreach (var (option, value, expected) in new[]
        {
            ("--calibration", folder["empty"], "the folder holds no image file"),
            ("--weights", folder["none"], "no such file of weights"),
            ("--weights", folder["broken.safetensors"], "broken.safetensors"),
            ("--model", "deit_tiny_patch16_224", "does not fit the module"),
            ("--labels", folder["labels-1000.csv"], "label 10, but the model has 10 classes (0 to 9)"),
            ("--labels", folder["labels-missing.csv"], "none.png"),
            ("--labels", folder["none.csv"], "no such file"),
            ("--images", folder["none"], "no such folder"),
            ("--classes", "7", "has 10 classes, not 7; leave out --classes."),
            ("--output", folder["labels.csv"], "is a file; the output is a folder"),
            ("--json", folder["none/report.json"], "no such folder"),
            ("--json", folder["empty"], "is a folder; --json names a file"),
        })
        {
            var arguments = FashionFolder.Quantize(folder, "--output", folder["out"], "--json", folder["report.json"]);
            var at = Array.IndexOf(arguments, option);
            string[] changed = at < 0 ? [.. arguments, option, value] : [.. arguments[..(at + 1)], value, .. arguments[(at + 2)..]];

            var run = await ToolRun.Of(changed);

            run.AssertRefused(expected);
            Assert.Equal(before, folder.Entries);
        }
    }

    [Fact]
    public async Task Quantize_UnreadableImage_IsNamed()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        File.WriteAllText(folder["images/zzz.png"], "no picture");

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--output", folder["out"]));

        run.AssertRefused("zzz.png");
        Assert.False(Directory.Exists(folder["out"]));
    }

    [Fact]
    public async Task Quantize_UnreadableImageToBeSkipped_IsNamedOnceAndLeftOut()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        File.WriteAllText(folder["images/zzz.png"], "no picture");
        File.AppendAllText(folder["labels.csv"], "zzz.png,1\n");

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--skip-unreadable", "--method", "minmax", "--output", folder["out"], "--json", folder["report.json"]));

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(1, run.Error.Split("zzz.png").Length - 1);
        Assert.StartsWith("isvit: skipped: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(Read(folder["report.json"]).GetProperty("floatTop1").GetDouble(), new[] { 0d, 25, 50, 75, 100 });

        var evaluation = await ToolRun.Of(
            "evaluate", "--quantized", folder["out/quantized.safetensors"], "--labels", folder["labels.csv"], "--images", folder["images"], "--skip-unreadable");
        Assert.Equal(0, evaluation.ExitCode);
        Assert.Contains("zzz.png", evaluation.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("4", "4 calibration images, 4 test images")]
    [InlineData("9", "4 calibration images (all there are; 9 were asked for), 4 test images")]
    public async Task Quantize_FewerCalibrationImagesThanAskedFor_SaysSo(string count, string expected)
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);

        var run = await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--calibration-count", count));

        Assert.Contains(expected, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quantize_Cancelled_Code130AndNothingWritten()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        var before = folder.Entries.ToList();
        using var source = new CancellationTokenSource();
        await source.CancelAsync();

        var run = await ToolRun.Of(source.Token, FashionFolder.Quantize(folder, "--output", folder["out"], "--json", folder["report.json"]));

        Assert.Equal(130, run.ExitCode);
        Assert.Equal("isvit: cancelled; no unit was finished, so nothing is kept.\n", run.Error);
        Assert.Equal(before, folder.Entries);
    }

    /// <summary>Who ends a run of hours is told what is left of it.</summary>
    [Fact]
    public async Task Quantize_CancelledWithACheckpoint_SaysHowManyUnitsAreKept()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        using var source = new CancellationTokenSource();
        await source.CancelAsync();
        Directory.CreateDirectory(folder["kept"]);
        File.WriteAllText(folder["kept/stage1.unit000.patch_embed.safetensors"], "");

        var run = await ToolRun.Of(source.Token, FashionFolder.Quantize(folder, "--checkpoint", folder["kept"]));

        Assert.Equal(130, run.ExitCode);
        Assert.Equal($"isvit: cancelled; 1 reconstructed unit is kept in {folder["kept"]}; the same command goes on from there.\n", run.Error);
        Assert.Equal("no unit was finished, so /nowhere holds none", Checkpoint("/nowhere").Kept);
        File.WriteAllText(folder["kept/stage1.unit001.blocks.0.safetensors"], "");
        Assert.StartsWith("2 reconstructed units are kept in ", Checkpoint(folder["kept"]).Kept, StringComparison.Ordinal);

        static CheckpointFolder Checkpoint(string path) => CheckpointFolder.Of(new QuantizeArguments { Weights = "w", Calibration = "c", Method = RecipeNames.ISVit, Device = TorchSharp.torch.CPU, Checkpoint = path })!;
    }

    /// <summary>Files written before they described their model name it among the tool's own texts.</summary>
    [Fact]
    public async Task Evaluate_FileWithoutDescription_IsFoundByTheToolsTexts()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "repq", "--output", folder["out"]));
        using (var file = SafetensorsReader.Open(folder["out/quantized.safetensors"]))
        {
            var texts = file.Metadata.Where(static text => text.Key != "isvit.model").ToDictionary(StringComparer.Ordinal);
            (texts["isvit.tool.Model"], texts["isvit.tool.ClassCount"], texts["isvit.tool.Crop"]) = ("vit_fashion", "10", "1");
            var tensors = file.Tensors.Values.Where(static tensor => tensor.Name != "isvit.checksums")
                .ToDictionary(static tensor => tensor.Name, tensor => new TensorData(tensor.ElementType, tensor.Shape, stream => stream.Write(file.Bytes(tensor.Name))), StringComparer.Ordinal);
            SafetensorsWriter.Write(folder["old.safetensors"], tensors, texts, withChecksums: true);
            SafetensorsWriter.Write(folder["nameless.safetensors"], tensors, texts.Where(static text => text.Key != "isvit.tool.Model").ToDictionary(), withChecksums: true);
        }

        string[] images = ["--images", folder["images"], "--labels", folder["labels.csv"], "--weights", folder["weights.safetensors"]];
        var now = await ToolRun.Of(["evaluate", "--quantized", folder["out/quantized.safetensors"], .. images, "--json", folder["now.json"]]);
        var old = await ToolRun.Of(["evaluate", "--quantized", folder["old.safetensors"], .. images, "--json", folder["old.json"]]);
        var nameless = await ToolRun.Of(["evaluate", "--quantized", folder["nameless.safetensors"], .. images]);

        Assert.Equal((0, 0), (now.ExitCode, old.ExitCode));
        Assert.Equal(Read(folder["now.json"]).GetProperty("logitsMse").GetDouble(), Read(folder["old.json"]).GetProperty("logitsMse").GetDouble());
        Assert.Equal("vit_fashion", Read(folder["old.json"]).GetProperty("model").GetString());
        nameless.AssertRefused("it lacks the metadata 'isvit.tool.Model'");
    }

    [Fact]
    public async Task Evaluate_FloatWeights_IsNoQuantizedModel()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 1);

        var run = await ToolRun.Of("evaluate", "--quantized", folder["weights.safetensors"], "--labels", folder["labels.csv"]);

        run.AssertRefused("is no quantized model: its isvit.format is absent");
    }

    private static JsonElement Read(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return document.RootElement.Clone();
    }
}
