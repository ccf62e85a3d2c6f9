using Google.Protobuf;
using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Architectures;
using IsVit.Model.Imaging;
using IsVit.Model.Quantization;
using IsVit.Onnx;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Quantization;
using IsVit.Onnx.Schema;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.Models;
using IsVit.Tests.Optimization;
using IsVit.Tests.Quantizers;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Onnx;

/// <summary>Exported models in ONNX Runtime.</summary>
public sealed class OnnxExportTests
{
    private static readonly SwinTransformerOptions s_swin = new()
    {
        ImageSize = 32, PatchSize = 4, EmbedDim = 12, Depths = [2, 2], HeadCounts = [2, 3], WindowSize = 3, ClassCount = 5, MlpRatio = 2,
    };

    public static TheoryData<string> Swins => ["shifted", "padded", "odd sides"];

    public static TheoryData<string, int> QuantizerCases()
    {
        var cases = new TheoryData<string, int>();
        foreach (var kind in (string[])["uniform", "symmetric", "sulq-free", "sulq-power-of-two", "log2", "log-sqrt2", "twin-sign", "twin-magnitude", "constant", "narrow"])
        {
            foreach (var bits in (int[])[2, 3, 4, 5, 6, 7, 8])
            {
                cases.Add(kind, bits);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(ViTVariants.Names), MemberType = typeof(ViTVariants))]
    public void Save_FloatViT_SameLogitsForAnyBatch(string variant)
    {
        using var scope = NewDisposeScope();
        using var model = ViTVariants.Create(variant);
        AssertSameLogits(model, Micro.Images(7, 5));
    }

    [Fact]
    public void Save_FloatDistilledViT_SameLogits()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(options: Micro.Options with { Distilled = true });
        AssertSameLogits(model, Micro.Images(7, 5));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Save_ViTWithoutHead_SameFeatures(bool distilled)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(options: Micro.Options with { ClassCount = 0, Distilled = distilled });
        AssertSameLogits(model, Micro.Images(7, 5));
    }

    [Fact]
    public void Save_RectangularViT_SameLogits()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(options: Micro.Options with { ImageSize = 24, ImageWidth = 40 });
        AssertSameLogits(model, Seeded.Normal(7, 5, 3, 24, 40));
    }

    [Theory]
    [MemberData(nameof(Swins))]
    public void Save_FloatSwin_SameLogitsForAnyBatch(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = Swin(kind);
        AssertSameLogits(model, Seeded.Normal(7, 5, 3, model.Options.ImageSize, model.Options.ImageSize));
    }

    /// <summary>Numbers of every kind, each tie among them, become the same codes: the levels that come back are equal bit for bit, and no two codes share one that another code has.</summary>
    [Theory]
    [MemberData(nameof(QuantizerCases))]
    public void Quantize_AnyNumber_SameCodesAsTheLibrary(string kind, int bits)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var quantizer = KernelCases.Create(kind, bits);
        var x = tensor(KernelCases.BitPatterns(quantizer));
        x = x[x.isfinite()].unsqueeze(0);

        using var runtime = Single(folder, quantizer, x.shape[1..]);

        KernelCases.AssertSameBits(Plain(quantizer.FakeQuantize(x)), Plain(runtime.Run(x)));
    }

    /// <summary>An infinity becomes the last code of its side; a NaN, of which codes know nothing, ends no run.</summary>
    [Theory]
    [InlineData("sulq-free")]
    [InlineData("sulq-power-of-two")]
    [InlineData("log2")]
    [InlineData("log-sqrt2")]
    [InlineData("twin-sign")]
    public void Quantize_NoFiniteNumber_IsTheLastCodeOrAny(string kind)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var quantizer = KernelCases.Create(kind, 4);
        var infinities = tensor([float.PositiveInfinity, float.NegativeInfinity]);
        using var runtime = Single(folder, quantizer, [3]);

        var levels = runtime.Run(cat([infinities, tensor([float.NaN])]).unsqueeze(0))[0];

        KernelCases.AssertSameBits(Plain(quantizer.FakeQuantize(infinities)), Plain(levels[..2]));
        Assert.True(levels[2].isfinite().item<bool>());
    }

    /// <summary>Where thresholds lie evenly on a logarithm's scale, one is looked up to compare with, and the level; elsewhere one for each bit but the first.</summary>
    [Theory]
    [InlineData("sulq-free", 4, 2)]
    [InlineData("sulq-free", 8, 2)]
    [InlineData("sulq-power-of-two", 3, 2)]
    [InlineData("log2", 4, 2)]
    [InlineData("log-sqrt2", 4, 2)]
    [InlineData("twin-sign", 4, 4)]
    public void Quantize_Table_LooksUpNoMoreThanItNeeds(string kind, int bits, int lookups)
    {
        using var folder = new TemporaryFolder();
        using var quantizer = KernelCases.Create(kind, bits);

        using (Single(folder, quantizer, [3]))
        {
        }

        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder["quantizer.onnx"])).Graph;
        Assert.Equal(lookups, graph.Node.Count(node => node.OpType == "GatherElements"));
        Assert.DoesNotContain(graph.Node, node => node.OpType == "Gather");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    public void Quantize_PerChannel_SameCodesAsTheLibrary(int bits)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var quantizer = new UniformQuantizer(bits, Granularity.Channel(-1));
        var x = Seeded.Normal(1, 1, 40, 6) * tensor([0.1f, 1, 3, 10, 0.01f, 1]);
        quantizer.Calibrate(x);

        using var runtime = Single(folder, quantizer, x.shape[1..]);

        KernelCases.AssertSameBits(Plain(quantizer.FakeQuantize(x * 1.5)), Plain(runtime.Run(x * 1.5)));
    }

    [Theory]
    [InlineData(RecipeNames.ISVit, 4, 4)]
    [InlineData(RecipeNames.ISVit, 3, 8)]
    [InlineData(RecipeNames.Released, 8, 8)]
    [InlineData(RecipeNames.RepQ, 4, 6)]
    [InlineData(RecipeNames.Percentile, 8, 8)]
    [InlineData(RecipeNames.MinMax, 2, 5)]
    [InlineData(RecipeNames.Baseline, 6, 3)]
    public void Save_QuantizedViT_SameLogitsButForSummation(string recipe, int weightBits, int activationBits)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(options => (options.Recipe, options.WeightBits, options.ActivationBits) = (recipe, weightBits, activationBits)).Run(model, Micro.Images());
        var images = Micro.Images(7);

        OnnxExport.Save(quantized, folder["model.onnx"], new() { Preprocessing = ImagePreprocessing.ImageNet, Metadata = new Dictionary<string, string> { ["note"] = "ü" } });

        using var runtime = new OnnxModel(folder["model.onnx"]);
        var (expected, actual) = (quantized.Predict(images), runtime.Run(images));
        Assert.Equal(expected.argmax(1).data<long>().ToArray(), actual.argmax(1).data<long>().ToArray());

        // Products are summed in another order; where that moves a number over the border between two codes, a logit moves by what a code is worth.
        var distances = (actual - expected).norm(1).div(expected.norm(1)).data<float>().ToArray().Order().ToArray();
        Assert.InRange(distances[distances.Length / 2], 0, 1e-4);
        Assert.Equal($"{weightBits}", runtime.Metadata["isvit.weight_bits"]);
        Assert.Equal($"{activationBits}", runtime.Metadata["isvit.activation_bits"]);
        Assert.Equal(recipe, runtime.Metadata["isvit.method"]);
        Assert.Equal("ü", runtime.Metadata["note"]);
        Assert.Contains("\"resize\":248", runtime.Metadata["isvit.preprocessing"], StringComparison.Ordinal);
    }

    /// <summary>Activations in float, so that nothing rounds but the weights.</summary>
    [Theory]
    [InlineData("free-levels", "channel:0", 3)]
    [InlineData("free-levels", "channel:0", 5)]
    [InlineData("free-levels", "tensor", 4)]
    [InlineData("channel-levels", "channel:0", 2)]
    [InlineData("channel-levels", "channel:0", 5)]
    public void Save_WeightsWithLevels_SameLogits(string scheme, string granularity, int bits)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(options =>
        {
            (options.Recipe, options.WeightBits) = (RecipeNames.WeightOnly, bits);
            options.Overrides.Add(new SiteOverride { Pattern = "**", Operand = SiteOperand.Weight, Scheme = scheme, Granularity = granularity });
        }).Run(model, Micro.Images());
        var images = Micro.Images(7);

        OnnxExport.Save(quantized, folder["model.onnx"]);

        using var runtime = new OnnxModel(folder["model.onnx"]);
        TensorAssert.Close(quantized.Predict(images), runtime.Run(images), new(1e-4, 1e-4));
    }

    [Fact]
    public void Save_QuantizedSwin_SameLogitsButForSummation()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Swin("padded");
        var images = Seeded.Normal(7, 24, 3, model.Options.ImageSize, model.Options.ImageSize);
        using var quantized = Micro.Quantizer().Run(model, images);

        OnnxExport.Save(quantized, folder["model.onnx"]);

        using var runtime = new OnnxModel(folder["model.onnx"]);
        var (expected, actual) = (quantized.Predict(images), runtime.Run(images));
        Assert.Equal(expected.argmax(1).data<long>().ToArray(), actual.argmax(1).data<long>().ToArray());
        var distances = (actual - expected).norm(1).div(expected.norm(1)).data<float>().ToArray().Order().ToArray();
        Assert.InRange(distances[distances.Length / 2], 0, 1e-4);
    }

    [Theory]
    [InlineData(3, TensorProto.Types.DataType.Uint8, 4)]
    [InlineData(4, TensorProto.Types.DataType.Uint8, 4)]
    [InlineData(6, TensorProto.Types.DataType.Int8, 8)]
    [InlineData(8, TensorProto.Types.DataType.Uint8, 8)]
    public void Save_QuantizedViT_WeightsAreIntegers(int bits, object expected, int width)
    {
        var type = (TensorProto.Types.DataType)expected;
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(options => (options.Recipe, options.WeightBits) = (RecipeNames.MinMax, bits)).Run(model, Micro.Images());

        OnnxExport.Save(quantized, folder["model.onnx"]);

        var message = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder["model.onnx"]));
        var weights = message.Graph.Initializer.Where(static tensor => tensor.Name.EndsWith(".weight", StringComparison.Ordinal) && !tensor.Name.Contains("norm", StringComparison.Ordinal)).ToList();
        Assert.Equal(14, weights.Count);
        Assert.All(weights, weight => Assert.Equal(type == TensorProto.Types.DataType.Int8 && weight.Name.StartsWith("patch", StringComparison.Ordinal) ? TensorProto.Types.DataType.Uint8 : type, (TensorProto.Types.DataType)weight.DataType));
        var count = model.named_parameters().Where(static entry => entry.parameter.dim() > 1 && entry.name.EndsWith(".weight", StringComparison.Ordinal)).Sum(static entry => entry.parameter.numel());
        Assert.Equal(count * width / 8, weights.Sum(static weight => (long)weight.RawData.Length));
        Assert.Equal((20, 9), (Assert.Single(message.OpsetImport).Version, message.IrVersion));
    }

    /// <summary>ONNX Runtime makes MatMulNBits of nothing but a type of four bits, which operator set 21 has.</summary>
    [Theory]
    [InlineData(OnnxKernels.Exact, 20, 0)]
    [InlineData(OnnxKernels.Fast, 21, 13)]
    public void Save_WeightsOfFourBits_AsksForNoMoreThanItNeeds(OnnxKernels kernels, int operatorSet, int count)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer([StageNames.WeightCalibration], [], static options => options.Use(QuantizationPresets.W4A16)).Run(model, Micro.Images());

        OnnxExport.Save(quantized, folder["model.onnx"], new() { Kernels = kernels });

        var info = OnnxModelInfo.Read(folder["model.onnx"]);
        Assert.Equal(operatorSet, info.OperatorSet);
        Assert.Equal(count, info.Constants.Count(static constant => constant.Type == "uint4" && constant.Name.EndsWith(".weight", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(5, true)]
    [InlineData(5, false)]
    public void Int32Codes_AnyNumberOfRows_AreTheCodes(int rows, bool isInt4)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        byte[] codes = [.. Enumerable.Range(0, rows * 3).Select(static i => (byte)((7 * i) % 16))];
        var graph = new OnnxGraph("codes");
        var input = graph.Input("x", "batch", rows, 3);
        var floats = graph.Add("Cast", [graph.Int32Codes("codes", [rows, 3], codes, isInt4)], OnnxGraph.Attribute("to", (long)TensorProto.Types.DataType.Float));
        graph.Output(graph.Add("Add", [input, floats]), "y", "batch", rows, 3);
        File.WriteAllBytes(folder["codes.onnx"], graph.Model().ToByteArray());

        using var runtime = new OnnxModel(folder["codes.onnx"]);

        Assert.Equal(Array.ConvertAll(codes, static code => (float)code), runtime.Run(zeros(1, rows, 3)).data<float>().ToArray());
        Assert.Equal(isInt4 ? (rows + 1) / 2 : rows, Assert.Single(graph.Message.Initializer, static constant => constant.Name == "codes").Dims[0]);
    }

    [Fact]
    public void Save_OtherTypeOfNumbers_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit().to(float64);

        var error = Assert.Throws<OnnxExportException>(() => OnnxExport.Save(model, folder["model.onnx"]));

        Assert.Contains("Float64; expected Float32", error.Message, StringComparison.Ordinal);
        Assert.Empty(folder.Entries);
    }

    [Fact]
    public void Save_ForeignModel_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = nn.Sequential(("a", nn.Linear(8, 6)), ("b", nn.Linear(6, 5)));
        using var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.MinMax).Run(model, Seeded.Normal(1, 20, 8));

        var error = Assert.Throws<OnnxExportException>(() => OnnxExport.Save(quantized, folder["model.onnx"]));

        Assert.Contains("type Sequential cannot be exported; expected a VisionTransformer, a SwinTransformer, a MaskRcnn or a CascadeMaskRcnn", error.Message, StringComparison.Ordinal);
        Assert.Empty(folder.Entries);
    }

    [Fact]
    public void Save_ToAFolderThatIsNotThere_LeavesNothing()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();

        Assert.ThrowsAny<IOException>(() => OnnxExport.Save(model, folder["absent/model.onnx"]));

        Assert.Empty(folder.Entries);
    }

    internal static SwinTransformer Swin(string kind)
    {
        var model = new SwinTransformer(kind switch
        {
            "shifted" => s_swin with { WindowSize = 4 },
            "padded" => s_swin,
            _ => s_swin with { ImageSize = 28, WindowSize = 2 },
        });
        Micro.Enliven(model, 3);
        model.eval();
        return model;
    }

    private static void AssertSameLogits(ImageClassifier model, Tensor images)
    {
        using var folder = new TemporaryFolder();
        OnnxExport.Save(model, folder["model.onnx"]);
        using var runtime = new OnnxModel(folder["model.onnx"]);
        foreach (var batch in (Tensor[])[images, images.narrow(0, 2, 1)])
        {
            TensorAssert.Close(Micro.Call(model, batch), runtime.Run(batch), new Tolerance(1e-4, 1e-4));
        }

        Assert.Equal("images", Assert.Single(runtime.Inputs).Key);
        Assert.Equal("logits", Assert.Single(runtime.Outputs).Key);
    }

    // A graph that does nothing but quantize.
    private static OnnxModel Single(TemporaryFolder folder, IQuantizer quantizer, long[] shape)
    {
        var graph = new OnnxGraph("quantizer");
        var binding = new SiteBinding(new Site("x", SiteOperand.Input, SiteRole.Other), quantizer);
        var input = graph.Input("x", "batch", shape);
        graph.Output(new SiteNodes([binding]).Operand(graph, "x", SiteOperand.Input, input).Value, "y", "batch", shape);
        File.WriteAllBytes(folder["quantizer.onnx"], graph.Model().ToByteArray());
        return new OnnxModel(folder["quantizer.onnx"]);
    }

    // 0 and -0 are one number.
    private static Tensor Plain(Tensor x) => x + 0f;
}
