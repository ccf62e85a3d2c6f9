using System.Text.Json;
using IsVit.Model.Saved;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Cli;

namespace IsVit.Tests.Programs.Tool;

/// <summary>Options of a run that stand in a file.</summary>
public sealed class ConfigTests
{
    private const string Yaml =
        """
        # Both the tool's names and the library's.
        model: vit_fashion
        weights: ../weights.safetensors
        calibration: ../images
        calibration-count: 4
        method: minmax
        weight-bits: 3
        ActivationBits: 6
        Calibration:
          StatisticsImageCount: 3
        Overrides:
          - Pattern: head
            Operand: weight
            Bits: 7
        Reconstruction:
          Precision: Full
          Views: ~
        final-score-only: true
        json: report.json
        output: ../out
        """;

    private const string Json =
        """
        {
          // The same.
          "model": "vit_fashion", "weights": "../weights.safetensors", "calibration": "../images", "calibration-count": 4,
          "Recipe": "minmax", "WeightBits": 3, "activation-bits": 6,
          "Calibration:StatisticsImageCount": 3,
          "Overrides": [{ "Pattern": "head", "Operand": "weight", "Bits": 7 }],
          "Reconstruction": { "Precision": "Full", "Views": null },
          "final-score-only": true, "json": "report.json", "output": "../out",
        }
        """;

    [Theory]
    [InlineData("run.yaml", Yaml)]
    [InlineData("run.json", Json)]
    public async Task Quantize_OptionsInAFile_AreThoseOfTheRunUnlessGiven(string name, string text)
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 5);
        Directory.CreateDirectory(folder["conf"]);
        File.WriteAllText(folder[$"conf/{name}"], text);

        var run = await ToolRun.Of("quantize", "--config", folder[$"conf/{name}"], "--activation-bits", "5");

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains("4 calibration images, 0 test images", run.Output, StringComparison.Ordinal);
        var report = Read(folder["conf/report.json"]);
        Assert.Equal(("minmax", 3, 5), (report.GetProperty("method").GetString(), report.GetProperty("weightBits").GetInt32(), report.GetProperty("activationBits").GetInt32()));
        var facts = report.GetProperty("run").EnumerateArray().ToDictionary(static fact => fact.GetProperty("name").GetString()!, static fact => fact.GetProperty("value").GetString()!, StringComparer.Ordinal);
        Assert.Contains("--weight-bits 3", facts["command"], StringComparison.Ordinal);
        Assert.Contains("Overrides:0:Bits 7", facts["options of the engine"], StringComparison.Ordinal);
        using var saved = SavedModel.Open(folder["out/quantized.safetensors"]);
        Assert.All(saved.Sites.Where(static site => site.IsWeight), site => Assert.Equal(site.Site.Path == "head" ? 7 : 3, saved.Quantizers[site.Quantizer].Bits.Bits));
    }

    [Theory]
    [InlineData("weigths: w", "there is no option 'weigths'; did you mean 'weights'?")]
    [InlineData("WeightBit: 4", "there is no option 'WeightBit'; did you mean 'WeightBits'")]
    [InlineData("Evaluations: 4", "there is no option 'Evaluations'; did you mean 'Reconstruction:Evaluations'?")]
    [InlineData("zzz: 4", "there is no option 'zzz'; allowed are the names of this command's options, without dashes.")]
    [InlineData("config: other.yaml", "there is no option 'config'")]
    [InlineData("Reconstruction: { Iteratons: 5 }", "Reconstruction:Iteratons: there is no option 'Iteratons'; the nearest is 'Iterations'.")]
    [InlineData("Reconstuction: { Iterations: 5 }", "there is no option 'Reconstuction'; did you mean 'Reconstruction'?")]
    [InlineData("Reconstruction: { Iterations: many }", "Reconstruction:Iterations is 'many'; allowed is 0 to 1000000.")]
    [InlineData("Reconstruction: { LearningRate: '0,5' }", "Reconstruction:LearningRate is '0,5'; allowed is above 0, at most 1.")]
    [InlineData("Reconstruction: { Evaluations: many }", "Reconstruction:Evaluations is 'many'; expected a whole number.")]
    [InlineData("Reconstruction: { Evaluations: 1000 }", "Reconstruction.Evaluations is 1000; ")]
    [InlineData("Reconstruction: { QuantizerLearningRate: '0,5' }", "Reconstruction:QuantizerLearningRate is '0,5'; expected a number.")]
    [InlineData("OutputMetric: best", "OutputMetric is 'best'; expected one of ClassProbabilities, Values")]
    [InlineData("Overrides: [{ Pattern: head, Bits: four }]", "Overrides:0:Bits is 'four'; expected a whole number.")]
    [InlineData("Overrides: [{ Pattern: head, Scheme: magic }]", "Overrides[0].Scheme is 'magic'; known are ")]
    [InlineData("weight-bits: 9", "weight-bits is '9'; allowed is 2 to 8.")]
    [InlineData("method: best", "method: Argument 'best' not recognized. Must be one of: 'isvit'")]
    [InlineData("weight-bits: 4\nWeightBits: 4", "'weight-bits' and 'WeightBits' are the same option; give one of them.")]
    [InlineData("seed: [1, 2]", "seed is a list of 2; expected one value.")]
    [InlineData("weights: ''", "weights is empty.")]
    [InlineData("dry-run: yes", "dry-run is 'yes'; expected true or false.")]
    [InlineData("preset: w8a8\nmethod: isvit", "--preset sets what --method sets: give one of them.")]
    [InlineData("seed: 1\nSeed: 2", "line 2: is no YAML mapping of options: 'Seed' is given twice.")]
    [InlineData("- seed", "line 1: is no YAML mapping of options: expected 'key: value' on each line.")]
    [InlineData("seed: [", "is no YAML mapping of options: ")]
    [InlineData("a: &a { b: *a }", "is no YAML mapping of options: ")]
    [InlineData("Overrides:\n  - {Pattern: head\nReconstruction:\n  E: 1", "is no YAML mapping of options: cannot be read: ")]
    [InlineData("a: {Pattern: \"blocks\"---\n Bits: 4}", "is no YAML mapping of options: ")]
    [InlineData("seed: 1\n---\nseed: 2", "line 3: is no YAML mapping of options: expected one document.")]
    public async Task Quantize_WrongFile_NamesFileKeyAndValue(string text, string expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["run.yml"], text);

        var run = await ToolRun.Of("quantize", "--config", folder["run.yml"], "--weights", "w", "--calibration", "c");

        run.AssertRefused(expected);
        Assert.Equal("", run.Output);
        Assert.True(expected.StartsWith("--", StringComparison.Ordinal) || run.Error.StartsWith($"isvit: {folder["run.yml"]}", StringComparison.Ordinal), run.Error);
    }

    [Theory]
    [InlineData("run.json", "{ \"seed\": 1, \"seed\": 2 }", "is no JSON object of options: ")]
    [InlineData("run.json", "[1]", "is no JSON object of options: ")]
    [InlineData("run.json", "{ seed", "is no JSON object of options: ")]
    [InlineData("run.json", "{ \"seed\": \"\\ud800\" }", "is no JSON object of options: ")]
    [InlineData("run.toml", "seed = 1", "a file of options ends with .yaml, .yml or .json, not with '.toml'.")]
    [InlineData("run.json", null, "run.json: no such file of options.")]
    public async Task Quantize_FileOfAnotherKind_IsNamed(string name, string? text, string expected)
    {
        using var folder = new TemporaryFolder();
        if (text is not null)
        {
            File.WriteAllText(folder[name], text);
        }

        (await ToolRun.Of("quantize", "--config", folder[name])).AssertRefused(expected);
    }

    /// <summary>What reads documents calls itself for each level; so many end the process.</summary>
    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    public async Task Quantize_FileNestedDeeply_IsRefused(string level)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["run.yaml"], "seed: " + string.Concat(Enumerable.Repeat(level, 20_000)));

        (await ToolRun.Of("quantize", "--config", folder["run.yaml"])).AssertRefused("is no YAML mapping of options: ");
    }

    /// <summary>A colon in a name is a section in a section; so many take all memory.</summary>
    [Theory]
    [InlineData("run.json", "{{\"{0}\": 1}}", "is no JSON object of options: ")]
    [InlineData("run.yaml", "\"{0}\": 1", "is no YAML mapping of options: ")]
    public async Task Quantize_NameOfManySections_IsRefused(string name, string format, string expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder[name], string.Format(System.Globalization.CultureInfo.InvariantCulture, format, string.Concat(Enumerable.Repeat("a:", 20_000))));

        (await ToolRun.Of("quantize", "--config", folder[name])).AssertRefused(expected);
    }

    /// <summary>The example that users begin with.</summary>
    [Fact]
    public async Task Quantize_ExampleOfTheDocumentation_IsAccepted()
    {
        using var folder = new TemporaryFolder();
        var page = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs", "tool.md")).ReplaceLineEndings("\n");
        File.WriteAllText(folder["run.yaml"], page.Split("```yaml\n")[1].Split("```")[0]);

        (await ToolRun.Of("quantize", "--config", folder["run.yaml"])).AssertRefused($"'{folder["images/calibration"]}': no such folder.");
    }

    /// <summary>What is given on the command line replaces what the file has in other words, too.</summary>
    [Fact]
    public async Task Quantize_PresetBesideAFileWithBits_PresetWins()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["run.yaml"], "weight-bits: 3\nmethod: repq\ncalibration: nowhere\nmodel: vit_fashion\nweights: w\n");

        var run = await ToolRun.Of("quantize", "--config", folder["run.yaml"], "--preset", "w8a8");

        run.AssertRefused($"'{folder["nowhere"]}': no such folder.");
    }

    [Theory]
    [InlineData("sensitivity", "widths: [4, 8]\nWeightBits: 3\nweights: w\ncalibration: nowhere\nmodel: vit_fashion", "nowhere': no such folder.")]
    [InlineData("sensitivity", "widths: [4, 9]", "widths is '4,9'; allowed is numbers from 2 to 8")]
    [InlineData("sensitivity", "Reconstruction: { Evaluations: 3 }", "there is no option 'Reconstruction'")]
    [InlineData("evaluate", "quantized: nowhere", "nowhere: no such file.")]
    [InlineData("detect i.png", "quantized: q\nweights: w", "give either --weights or --quantized.")]
    public async Task Run_OtherCommandsWithAFile_TakeTheirOwnOptions(string command, string text, string expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["run.yaml"], text);

        (await ToolRun.Of([.. command.Split(' '), "--config", folder["run.yaml"]])).AssertRefused(expected);
    }

    [Theory]
    [InlineData(true, "cache: bfloat16")]
    [InlineData(true, "Reconstruction: { Cache: Disk }")]
    [InlineData(false, "cache: memory")]
    [InlineData(false, "cache: floppy")]
    public void AsksToSaveMemory_CacheInAFile_TellsWhetherItDoes(bool expected, string text)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["run.yaml"], text);

        Assert.Equal(expected, EngineOptions.AsksToSaveMemory(["quantize", "--config", folder["run.yaml"]]));
        Assert.False(EngineOptions.AsksToSaveMemory(["quantize", "--config", folder["run.yaml"], "--cache", "auto"]));
    }

    [Fact]
    public async Task Run_ResponseFile_HoldsArguments()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["args.txt"], "# what to run\nquantize --model vit_fashion\n--weights w --calibration /nowhere\n");

        (await ToolRun.Of($"@{folder["args.txt"]}", "--seed", "1")).AssertRefused("'/nowhere': no such folder.");
        (await ToolRun.Of("quantize", $"@{folder["none.txt"]}")).AssertRefused("none.txt");
    }

    private static JsonElement Read(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return document.RootElement.Clone();
    }
}
