using IsVit.Core.Models.WeightFiles;
using IsVit.Model;
using IsVit.Model.Files;
using IsVit.Model.Quantization;
using IsVit.Model.Saved;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Checkpoints;

public sealed class QuantizedModelFileTests
{
    public static TheoryData<string> EveryRecipe => [.. QuantizationRecipes.All.Select(static recipe => recipe.Name)];

    [Theory]
    [MemberData(nameof(EveryRecipe))]
    public void Load_SavedModel_SameLogitsBitForBit(string recipe)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var fresh = Micro.Vit(50);
        var images = Micro.Images(7);
        using var quantized = Micro.Quantizer(options => (options.Recipe, options.WeightBits) = (recipe, 3)).Run(model, Micro.Images());
        quantized.Save(folder["model.safetensors"]);

        using var loaded = QuantizedModel.Load(folder["model.safetensors"], fresh);

        TensorAssert.Identical(quantized.Predict(images), loaded.Predict(images));
        Micro.AssertSame(Micro.Copy(model), Micro.Copy(fresh));
        Assert.Null(loaded.Report);
        Assert.Equal(quantized.Attachment.Bindings.Select(static b => b.Site), loaded.Attachment.Bindings.Select(static b => b.Site));
    }

    [Theory]
    [InlineData("sulq-power-of-two")]
    [InlineData("log2")]
    [InlineData("twin-uniform")]
    [InlineData("uniform-symmetric")]
    public void Load_OtherSchemes_SameLogitsBitForBit(string scheme)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var fresh = Micro.Vit(50);
        var images = Micro.Images(7);
        using var quantized = Micro.Quantizer(options => options.Overrides =
        [
            new() { Pattern = "blocks.*.attn.av", Operand = SiteOperand.Left, Scheme = scheme },
            new() { Pattern = "blocks.1.**", Operand = SiteOperand.Weight, Bits = 8 },
            new() { Pattern = "head", Quantize = false },
        ]).Run(model, Micro.Images());
        quantized.Save(folder["model.safetensors"]);

        using var loaded = QuantizedModel.Load(folder["model.safetensors"], fresh);

        TensorAssert.Identical(quantized.Predict(images), loaded.Predict(images));
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float32)]
    public void Load_LayersThatGainedABias_SameLogitsBitForBit(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var shape = Micro.Options with { QkvBias = false };
        using var model = Micro.Vit(1, shape);
        using var fresh = Micro.Vit(50, shape);
        model.to(type);
        fresh.to(type);
        var images = Micro.Images(7).to(type);
        using var quantized = Micro.Quantizer().Run(model, Micro.Images().to(type));
        quantized.Save(folder["model.safetensors"]);

        using var loaded = QuantizedModel.Load(folder["model.safetensors"], fresh);

        Assert.Equal(type, fresh.Blocks[0].Attn.Qkv.bias!.dtype);
        TensorAssert.Identical(quantized.Predict(images), loaded.Predict(images));

        // What was loaded can be saved again, and is the same file.
        loaded.Save(folder["again.safetensors"]);
        Assert.Equal(File.ReadAllBytes(folder["model.safetensors"]), File.ReadAllBytes(folder["again.safetensors"]));
    }

    [Fact]
    public void Save_QuantizedWeights_AreCodesOfTheirWidth()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(static options =>
        {
            options.WeightBits = 3;
            options.Overrides = [new() { Pattern = "head", Bits = 8 }];
        }).Run(model, Micro.Images());

        quantized.Save(folder["model.safetensors"], new Dictionary<string, string> { ["model"] = "micro", ["note"] = "ü" });

        using var file = SafetensorsFile.Open(folder["model.safetensors"]);
        var codes = file.Tensors.Keys.Where(static name => name.StartsWith("codes/", StringComparison.Ordinal)).ToList();
        Assert.Equal(10, codes.Count);
        var weights = model.named_parameters().ToDictionary(static entry => "codes/" + entry.name, static entry => entry.parameter.numel(), StringComparer.Ordinal);
        Assert.All(codes, name => Assert.Equal("U8", file.Tensors[name].ElementType));
        Assert.All(codes, name => Assert.Equal(((weights[name] * (name == "codes/head.weight" ? 8 : 3)) + 7) / 8, Assert.Single(file.Tensors[name].Shape)));
        Assert.DoesNotContain("head.weight", file.Tensors.Keys);
        Assert.Equal(("micro", "ü"), (file.Metadata["model"], file.Metadata["note"]));
        Assert.Equal(["model.safetensors"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Save_ToAFolderThatIsNotThere_LeavesNothing()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.MinMax).Run(model, Micro.Images());

        Assert.ThrowsAny<IOException>(() => quantized.Save(folder[Path.Combine("absent", "model.safetensors")]));

        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Save_WeightChangedAfterwards_RefusesToRoundItSilently()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.MinMax).Run(model, Micro.Images());
        using (no_grad())
        {
            model.Blocks[0].Mlp.Fc1.weight[0, 0] = 0.123f;
        }

        var error = Assert.Throws<QuantizationException>(() => quantized.Save(folder["model.safetensors"]));

        Assert.Contains("'blocks.0.mlp.fc1'", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Load_OtherArchitecture_ListsEverythingAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var other = Micro.Vit(2, Micro.Options with { ClassCount = 7, Depth = 1, MlpRatio = 3 });
        var parameters = Micro.Copy(other);
        var output = Micro.Call(other, Micro.Images());
        using (var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.RepQ).Run(model, Micro.Images()))
        {
            quantized.Save(folder["model.safetensors"]);
        }

        var error = Assert.Throws<QuantizationException>(() => QuantizedModel.Load(folder["model.safetensors"], other));

        Assert.Contains(folder["model.safetensors"], error.Message, StringComparison.Ordinal);
        Assert.Contains("codes/head.weight has shape [10, 48], the model's is [7, 48]", error.Message, StringComparison.Ordinal);
        Assert.Contains("blocks.0.mlp.fc1.bias has shape [96], the model's is [144]", error.Message, StringComparison.Ordinal);
        Assert.Contains("blocks.1.norm1.weight is not in the model", error.Message, StringComparison.Ordinal);
        Assert.Contains("site 'blocks.1.attn.qkv:input' has no module", error.Message, StringComparison.Ordinal);
        Micro.AssertUntouched(other, parameters, Micro.Images(), output);
    }

    [Fact]
    public void Load_FloatWeightFile_SaysItIsNoQuantizedModel()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        StateDict.Save(model, folder["float.safetensors"]);

        var error = Assert.Throws<QuantizationException>(() => QuantizedModel.Load(folder["float.safetensors"], model));

        Assert.Contains("is no quantized model", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_TruncatedFile_SaysSoAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var fresh = Micro.Vit(50);
        var parameters = Micro.Copy(fresh);
        using (var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.RepQ).Run(model, Micro.Images()))
        {
            quantized.Save(folder["model.safetensors"]);
        }

        var content = File.ReadAllBytes(folder["model.safetensors"]);
        foreach (var length in (int[])[0, 7, 100, content.Length / 2, content.Length - 1])
        {
            File.WriteAllBytes(folder["cut.safetensors"], content[..length]);
            Assert.Throws<WeightFileException>(() => QuantizedModel.Load(folder["cut.safetensors"], fresh));
        }

        Micro.AssertSame(parameters, Micro.Copy(fresh));
        Assert.Empty(Hooks.Of(fresh));
    }

    /// <summary>A file may name any architecture; memory for it is asked for once it can be that of its tensors.</summary>
    [Fact]
    public void Open_ArchitectureThatTheTensorsCannotHave_SaysSoBeforeItIsMade()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using (var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.MinMax).Run(model, Micro.Images()))
        {
            quantized.Description = quantized.Description! with { Architecture = Micro.Options with { Depth = int.MaxValue } };
            quantized.Save(folder["model.safetensors"]);
        }

        var error = Assert.Throws<QuantizationException>(() => QuantizedModel.Open(folder["model.safetensors"]));

        Assert.StartsWith($"'{folder["model.safetensors"]}' cannot be run: its architecture (VisionTransformerOptions) gives ", error.Message, StringComparison.Ordinal);
        Assert.Contains(" numbers of the blocks; expected at most ", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Every bit counts: of the header, of codes, of parameters, of the checksums.</summary>
    [Fact]
    public void Load_OneBitFlipped_SaysSoAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var fresh = Micro.Vit(50);
        var parameters = Micro.Copy(fresh);
        using (var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.RepQ).Run(model, Micro.Images()))
        {
            quantized.Save(folder["model.safetensors"], new Dictionary<string, string> { ["seed"] = "1" });
        }

        var content = File.ReadAllBytes(folder["model.safetensors"]);
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            var (at, bit) = (i < 100 ? random.Next(8, 6000) : random.Next(content.Length), 1 << random.Next(8));
            content[at] ^= (byte)bit;
            File.WriteAllBytes(folder["flipped.safetensors"], content);
            content[at] ^= (byte)bit;
            var error = Assert.ThrowsAny<Exception>(() => QuantizedModel.Load(folder["flipped.safetensors"], fresh));
            Assert.True(error is WeightFileException or QuantizationException, $"bit {bit} of byte {at}: {error}");
            Assert.Contains("flipped.safetensors", error.Message, StringComparison.Ordinal);
        }

        Micro.AssertSame(parameters, Micro.Copy(fresh));
        Assert.Empty(Hooks.Of(fresh));
    }

    [Theory]
    [InlineData("quantized-model/3", "is a quantized model of version 3; this library reads version 2. Read it with the newer library")]
    [InlineData("quantized-model/1", "is a quantized model of version 1; this library reads version 2. Quantize the model anew")]
    [InlineData("quantized-model/x", "is no quantized model: its isvit.format is 'quantized-model/x'")]
    public void Load_OtherVersion_SaysWhich(string format, string expected)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        SafetensorsFile.Write(folder["other.safetensors"], [], new Dictionary<string, string> { ["isvit.format"] = format });

        var error = Assert.Throws<QuantizationException>(() => QuantizedModel.Load(folder["other.safetensors"], model));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PackedCodes_BitsBehindTheLast_AreRefused() =>
        Assert.Contains("are not zero", Assert.Throws<QuantizationException>(() => PackedCodes.Unpack([0xff], 3, new byte[2])).Message, StringComparison.Ordinal);

    public static TheoryData<string, string> Broken => new()
    {
        { "sites-null", "lacks the metadata 'isvit.sites'" },
        { "sites-text", "the metadata 'isvit.sites' is broken" },
        { "site-null", "lacks the metadata 'isvit.sites'" },
        { "site-operand", "the metadata 'isvit.sites' is broken" },
        { "site-path-null", "a site has no path" },
        { "site-twice", "is listed twice" },
        { "site-quantizer", "has quantizer 999 of" },
        { "site-kind", "no module for site 'blocks.0.norm1:input'" },
        { "quantizer-scheme", "has the scheme 'magic'; known are" },
        { "quantizer-bits", "has 9 bits; expected 2 to 8" },
        { "quantizer-granularity", "'row' is no granularity" },
        { "quantizer-null", "lacks its scheme, granularity or options" },
        { "vector-missing", "'scale'" },
        { "codes-shape", "codes/head.weight has shape [480], the model's is [10, 48]" },
        { "codes-short", "codes/head.weight is U8 [239], expected U8 [240] for codes of 4 bits" },
        { "codes-float", "codes/head.weight is F32 [240], expected U8 [240] for codes of 4 bits" },
        { "codes-missing", "codes/head.weight is missing" },
        { "bias-shape", "blocks.0.attn.qkv.bias has shape [3], the model's is [144]" },
        { "stranger", "stranger is not in the model" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void Load_BrokenContent_SaysWhatIsWrongAndChangesNothing(string kind, string expected)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var shape = Micro.Options with { QkvBias = false, Depth = 1 };
        using var model = Micro.Vit(1, shape);
        using var fresh = Micro.Vit(50, shape);
        var (parameters, output) = (Micro.Copy(fresh), Micro.Call(fresh, Micro.Images()));
        using (var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.RepQ).Run(model, Micro.Images(count: 4)))
        {
            quantized.Save(folder["model.safetensors"]);
        }

        Rewrite(folder, kind);

        var error = Assert.Throws<QuantizationException>(() => QuantizedModel.Load(folder["broken.safetensors"], fresh));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(folder["broken.safetensors"], error.Message, StringComparison.Ordinal);
        Micro.AssertUntouched(fresh, parameters, Micro.Images(), output);
        if (error.Message.Contains("is a broken quantized model", StringComparison.Ordinal))
        {
            Assert.Equal(error.Message, Assert.Throws<QuantizationException>(() => SavedModel.Open(folder["broken.safetensors"])).Message);
        }
    }

    [Fact]
    public void Load_IntoAnAttachedModel_RefusesAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.RepQ).Run(model, Micro.Images());
        quantized.Save(folder["model.safetensors"]);
        var before = quantized.Predict(Micro.Images());

        Assert.Throws<QuantizationException>(() => QuantizedModel.Load(folder["model.safetensors"], model));

        TensorAssert.Identical(before, quantized.Predict(Micro.Images()));
    }

    [Fact]
    public void SaveAndLoad_AgainAndAgain_LeaveNoTensor()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.RepQ).Run(model, Micro.Images());

        LiveTensors.AssertNoneLeftBy(() =>
        {
            using var fresh = Micro.Vit(50);
            quantized.Save(folder["model.safetensors"]);
            using var loaded = QuantizedModel.Load(folder["model.safetensors"], fresh);
        });
    }

    private static void Rewrite(TemporaryFolder folder, string kind)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(folder["model.safetensors"]);
        var tensors = file.Tensors.Keys.ToDictionary(static name => name, name => file.Read(name), StringComparer.Ordinal);
        var texts = file.Metadata.ToDictionary(StringComparer.Ordinal);
        var (sites, quantizers) = (texts["isvit.sites"], texts["isvit.quantizers"]);
        string First(string text, string find, string replacement)
        {
            var at = text.IndexOf(find, StringComparison.Ordinal);
            Assert.True(at >= 0, find);
            return string.Concat(text.AsSpan(0, at), replacement, text.AsSpan(at + find.Length));
        }

        switch (kind)
        {
            case "sites-null":
                texts.Remove("isvit.sites");
                break;
            case "sites-text":
                texts["isvit.sites"] = "{";
                break;
            case "site-null":
                texts["isvit.sites"] = "[null]";
                break;
            case "site-operand":
                texts["isvit.sites"] = First(sites, "\"Weight\"", "77");
                break;
            case "site-path-null":
                texts["isvit.sites"] = First(sites, "\"blocks.0.attn.qkv\"", "null");
                break;
            case "site-twice":
                texts["isvit.sites"] = First(sites, "\"Left\"", "\"Right\"");
                break;
            case "site-quantizer":
                texts["isvit.sites"] = First(sites, "\"Quantizer\":1", "\"Quantizer\":999");
                break;
            case "site-kind":
                texts["isvit.sites"] = First(sites, "\"blocks.0.attn.qkv\",\"Operand\":\"Input\"", "\"blocks.0.norm1\",\"Operand\":\"Input\"");
                break;
            case "quantizer-scheme":
                texts["isvit.quantizers"] = First(quantizers, "\"uniform\"", "\"magic\"");
                break;
            case "quantizer-bits":
                texts["isvit.quantizers"] = First(quantizers, "\"Bits\":4", "\"Bits\":9");
                break;
            case "quantizer-granularity":
                texts["isvit.quantizers"] = First(quantizers, "\"channel:0\"", "\"row\"");
                break;
            case "quantizer-null":
                texts["isvit.quantizers"] = First(quantizers, "\"uniform\"", "null");
                break;
            case "vector-missing":
                tensors.Remove("quantizers/2/scale");
                break;
            case "codes-shape":
                texts["isvit.sites"] = First(sites, "[10,48]", "[480]");
                break;
            case "codes-short":
                tensors["codes/head.weight"] = tensors["codes/head.weight"].narrow(0, 0, 239);
                break;
            case "codes-float":
                tensors["codes/head.weight"] = tensors["codes/head.weight"].to(float32);
                break;
            case "codes-missing":
                tensors["head.weight"] = zeros(10, 48);
                tensors.Remove("codes/head.weight");
                break;
            case "bias-shape":
                tensors["blocks.0.attn.qkv.bias"] = zeros(3);
                break;
            case "stranger":
                tensors["stranger"] = zeros(3);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind));
        }

        tensors.Remove("isvit.checksums");
        Model.Files.SafetensorsWriter.Write(folder["broken.safetensors"], tensors.ToDictionary(static entry => entry.Key, static entry => SafetensorsFile.Data(entry.Key, entry.Value)), texts, withChecksums: true);
    }
}
