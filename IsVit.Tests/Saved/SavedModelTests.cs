using System.Diagnostics;
using System.Globalization;
using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Model.Files;
using IsVit.Model.Imaging;
using IsVit.Model.Quantization;
using IsVit.Model.Saved;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Saved;

public sealed class SavedModelTests
{
    [Theory]
    [InlineData(RecipeNames.ISVit)]
    [InlineData(RecipeNames.RepQ)]
    public void ReadWeight_EveryWeight_IsTheModelsBitForBit(string recipe)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(options => (options.Recipe, options.WeightBits) = (recipe, 3)).Run(model, Micro.Images());
        quantized.Save(folder["model.safetensors"], new Dictionary<string, string> { ["note"] = "x" });

        using var saved = SavedModel.Open(folder["model.safetensors"]);

        var weights = saved.Sites.Where(static site => site.IsWeight).ToList();
        var parameters = model.named_parameters().ToDictionary(static entry => entry.name, static entry => entry.parameter, StringComparer.Ordinal);
        Assert.Equal(10, weights.Count);
        Assert.All(weights, site =>
        {
            Assert.Equal(parameters[site.WeightName].shape, site.Shape);
            Assert.Equal(parameters[site.WeightName].data<float>().ToArray(), saved.ReadWeight(site));
            Assert.InRange(saved.ReadCodes(site).Max(), 1, saved.Quantizers[site.Quantizer].Bits.MaxCode);
        });
        Assert.Equal(quantized.Attachment.Bindings.Select(static binding => binding.Site), saved.Sites.Select(static site => site.Site));
        Assert.Equal(parameters.Keys.Except(weights.Select(static site => site.WeightName)).Order(StringComparer.Ordinal), saved.Parameters.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(model.Blocks[0].Attn.Proj.bias!.bytes.ToArray(), saved.BytesOf("blocks.0.attn.proj.bias").ToArray());
        Assert.Equal(["note"], saved.Metadata.Keys);
        Assert.Equal(new FileInfo(folder["model.safetensors"]).Length, saved.FileLength);
        Assert.Equal(quantized.CalibrationStatistics!.ImageCount, saved.Statistics!.ImageCount);
        Assert.Equal(model.Options, Assert.IsType<VisionTransformerOptions>(saved.Description!.Architecture));
        Assert.Throws<ArgumentException>(() => saved.ReadCodes(saved.Sites.First(static site => !site.IsWeight)));
        Assert.Throws<WeightFileException>(() => saved.BytesOf("absent").Length);
    }

    /// <summary>The three bits of one code behind another's: packing and the order of elements are as the format says.</summary>
    [Fact]
    public void PackedCodesOf_AWeight_AreItsCodesOneBehindTheOther()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(static options => (options.Recipe, options.WeightBits) = (RecipeNames.MinMax, 3)).Run(model, Micro.Images());
        quantized.Save(folder["model.safetensors"]);
        var expected = quantized.Attachment.Find("head:weight")!.Quantizer.Quantize(model.Head!.weight).data<byte>().ToArray();

        using var saved = SavedModel.Open(folder["model.safetensors"]);
        var head = saved.Sites.Single(static site => site.Site.Id == "head:weight");
        var packed = saved.PackedCodesOf(head).ToArray();

        Assert.Equal(expected, saved.ReadCodes(head));
        Assert.Equal(((expected.Length * 3) + 7) / 8, packed.Length);
        Assert.Equal(expected[8] | (expected[9] << 3) | ((expected[10] & 3) << 6), packed[3]);
    }

    [Fact]
    public void Load_ViTByItsFileAlone_IsTheSameModel()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit(1, Micro.Options with { QkvBias = false, LayerScale = 0.1, RegisterTokenCount = 2 });
        using var quantized = Micro.Quantizer().Run(model, Micro.Images());
        var expected = quantized.Predict(Micro.Images(7));
        quantized.Description = quantized.Description! with { Name = "micro", Preprocessing = ImagePreprocessing.Inception with { CropFraction = 0.875, ResizeMode = ResizeMode.Squash, Filter = ResampleFilter.Bilinear }, Classes = ["cat", "dög"] };
        quantized.Save(folder["model.safetensors"]);

        using var loaded = QuantizedModel.Load(folder["model.safetensors"]);

        TensorAssert.Identical(expected, loaded.Predict(Micro.Images(7)));
        Assert.Equal("micro", loaded.Description!.Name);
        Assert.Equal(quantized.Description.Preprocessing, loaded.Description.Preprocessing);
        Assert.Equal(quantized.Description.Classes, loaded.Description.Classes);
        Assert.Equal(model.Options, loaded.Description.Architecture);
        loaded.Save(folder["again.safetensors"]);
        Assert.Equal(File.ReadAllBytes(folder["model.safetensors"]), File.ReadAllBytes(folder["again.safetensors"]));
    }

    [Fact]
    public void Save_ImagesThatKeepTheirProportions_SaysNothingOfIt()
    {
        static string Json(ResizeMode mode) => new ModelDescription(new VisionTransformerOptions()) { Preprocessing = new() { ResizeMode = mode } }.ToJson();

        Assert.Contains("\"ResizeMode\":\"Squash\"", Json(ResizeMode.Squash), StringComparison.Ordinal);
        Assert.DoesNotContain("ResizeMode", Json(ResizeMode.ShortSide), StringComparison.Ordinal);
        Assert.Equal(ResizeMode.ShortSide, ModelDescription.Parse(Json(ResizeMode.ShortSide), "file").Preprocessing!.ResizeMode);
        Assert.Contains("'isvit.model' is broken", Assert.Throws<QuantizationException>(() => ModelDescription.Parse(Json(ResizeMode.Squash).Replace("Squash", "Stretch", StringComparison.Ordinal), "file")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_SwinByItsFileAlone_IsTheSameModelAndOwnsItsModule()
    {
        using var folder = new TemporaryFolder();
        using (var scope = NewDisposeScope())
        {
            var images = rand([8, 1, 28, 28], generator: new Generator(3));
            using var model = ModelCatalog.Create(ModelCatalog.DemoSwin);
            using var quantized = ModelQuantizer.Create(static options => options.Recipe = RecipeNames.RepQ).Quantize(model, images);
            var expected = quantized.Predict(images);
            quantized.Save(folder["model.safetensors"]);

            using var loaded = QuantizedModel.Load(folder["model.safetensors"]);

            TensorAssert.Identical(expected, loaded.Predict(images));
            Assert.Equal([2, 2], Assert.IsType<SwinTransformerOptions>(loaded.Description!.Architecture).Depths);
        }

        LiveTensors.AssertNoneLeftBy(() => QuantizedModel.Load(folder["model.safetensors"]).Dispose());
    }

    [Fact]
    public void Load_FileThatSaysNoArchitecture_AsksForAModule()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var fresh = Micro.Vit(50);
        using var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.RepQ).Run(model, Micro.Images());
        quantized.Description = null;
        quantized.Save(folder["model.safetensors"]);

        var error = Assert.Throws<QuantizationException>(() => QuantizedModel.Load(folder["model.safetensors"]));

        Assert.Contains("does not say what model it is of; give a module", error.Message, StringComparison.Ordinal);
        using var loaded = QuantizedModel.Load(folder["model.safetensors"], fresh);
        TensorAssert.Identical(quantized.Predict(Micro.Images(7)), loaded.Predict(Micro.Images(7)));
    }

    [Theory]
    [InlineData("null", "it is null")]
    [InlineData("{\"architecture\":\"resnet\"}", "the architecture is 'resnet'; expected 'vit' or 'swin'")]
    [InlineData("{\"architecture\":\"vit\"}", "its sizes are missing")]
    [InlineData("{\"architecture\":\"vit\",\"options\":{\"Depth\":0}}", "Depth is 0; allowed is: at least 1")]
    [InlineData("{\"architecture\":\"vit\",\"options\":{\"Pooling\":7}}", "Pooling")]
    [InlineData("{\"architecture\":\"vit\",\"options\":{},\"preprocessing\":{\"CropFraction\":2}}", "CropFraction is above 0 and at most 1")]
    [InlineData("{\"architecture\":\"vit\",\"options\":{},\"classes\":\"cat\"}", "could not be converted")]
    public void Open_BrokenDescription_SaysWhatIsWrong(string text, string expected)
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(
            folder["model.safetensors"],
            [],
            new Dictionary<string, string> { ["isvit.format"] = "quantized-model/2", ["isvit.sites"] = "[]", ["isvit.quantizers"] = "[]", ["isvit.model"] = text },
            withChecksums: true);

        var error = Assert.Throws<QuantizationException>(() => SavedModel.Open(folder["model.safetensors"]));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains("the metadata 'isvit.model' is broken", error.Message, StringComparison.Ordinal);
        Assert.Contains(folder["model.safetensors"], error.Message, StringComparison.Ordinal);
    }

    /// <summary>What a later version adds has its default in files of an earlier one.</summary>
    [Fact]
    public void Open_DescriptionWithoutSomeSizes_HasTheirDefaults()
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(
            folder["model.safetensors"],
            [],
            new Dictionary<string, string>
            {
                ["isvit.format"] = "quantized-model/2", ["isvit.sites"] = "[]", ["isvit.quantizers"] = "[]", ["isvit.model"] = "{\"architecture\":\"vit\",\"options\":{\"EmbedDim\":384,\"HeadCount\":6},\"preprocessing\":{\"ImageSize\":32}}",
            },
            withChecksums: true);

        using var saved = SavedModel.Open(folder["model.safetensors"]);

        Assert.Equal(new VisionTransformerOptions { EmbedDim = 384, HeadCount = 6 }, saved.Description!.Architecture);
        Assert.Equal(new ImagePreprocessing { ImageSize = 32 }, saved.Description.Preprocessing);
    }

    [Fact]
    public void Write_WeightWithoutItsCodes_NamesIt()
    {
        var content = new SavedModelContent
        {
            Sites = [new SavedSite(new("head", Model.SiteOperand.Weight, Model.SiteRole.Weight), 0, [2, 3])],
            Quantizers = [new LevelsParameters(2, [0, 1, 2, 3])],
            Codes = new Dictionary<string, byte[]> { ["head.weight"] = new byte[1] },
            Parameters = new Dictionary<string, TensorData>(),
        };

        Assert.Contains("'head.weight' has 1 bytes of codes; expected 2 for [2, 3] of 2 bits", Assert.Throws<ArgumentException>(() => content.Write(Stream.Null)).Message, StringComparison.Ordinal);
    }

    /// <summary>A program that references the bottom library alone reads codes and parameters, and has no TorchSharp beside it.</summary>
    [Fact]
    public async Task SampleWithoutTorch_SavedModel_ReadsItsWeights()
    {
        using var folder = new TemporaryFolder();
        var expected = new List<string>();
        using (var scope = NewDisposeScope())
        {
            using var model = Micro.Vit();
            using var quantized = Micro.Quantizer().Run(model, Micro.Images());
            quantized.Save(folder["model.safetensors"]);
            expected.Add("a model, VisionTransformerOptions");
            foreach (var binding in quantized.Attachment.Bindings.Where(static binding => binding.IsWeight))
            {
                var weight = model.named_parameters().Single(entry => entry.name == $"{binding.Site.Path}.weight").parameter;
                expected.Add(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{binding.Site.Path}.weight [{string.Join(", ", weight.shape)}]: {binding.Quantizer.ExportParameters()}, codes to {binding.Quantizer.Quantize(weight).max().item<byte>()}, weights {weight.min().item<float>():R} to {weight.max().item<float>():R}"));
            }
        }

        var configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)))!;
        var built = Path.Combine(RepositoryRoot.Path, "samples", "WithoutTorch", "bin", configuration, "net10.0");
        using var program = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(built, "WithoutTorch.dll"), folder["model.safetensors"]]) { RedirectStandardOutput = true })!;
        var output = await program.StandardOutput.ReadToEndAsync();
        await program.WaitForExitAsync();

        Assert.Equal(0, program.ExitCode);
        Assert.Equal(expected, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.TrimEnd('\r')));
        Assert.Equal(["IsVit.Model.dll", "WithoutTorch.dll"], Directory.GetFiles(built, "*.dll", SearchOption.AllDirectories).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }
}
