using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Runtime;
using IsVit.Runtime.Products;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Runtime;

/// <summary>The runtime's outputs against those of the quantized model that wrote the file.</summary>
public sealed class RuntimeModelTests
{
    private const int ImageCount = 32;

    /// <summary>Every variant of the architectures, with the parts that a model has.</summary>
    public static TheoryData<string, ModelOptions> Architectures { get; } = new()
    {
        { "ViT", Micro.Options },
        { "distilled", Micro.Options with { Distilled = true } },
        { "registers without positions", Micro.Options with { RegisterTokenCount = 3, RegisterPositions = false } },
        { "registers, positions of patches only", Micro.Options with { RegisterTokenCount = 1, PatchPositionsOnly = true } },
        { "average of tokens", Micro.Options with { Pooling = PoolingKind.Average, HasClassToken = false } },
        { "average of normalized tokens", Micro.Options with { Pooling = PoolingKind.AverageOfNormalized } },
        { "class token and average", Micro.Options with { Pooling = PoolingKind.ClassTokenAndAverage } },
        { "layer scale", Micro.Options with { LayerScale = 0.5 } },
        { "SwiGLU", Micro.Options with { Mlp = MlpKind.SwiGlu } },
        { "normalized queries and keys", Micro.Options with { QkNorm = true } },
        { "layer before the head", Micro.Options with { PreLogitsDim = 24 } },
        { "no biases", Micro.Options with { QkvBias = false, ProjectionBias = false } },
        { "no head", Micro.Options with { ClassCount = 0 } },
        { "distilled without a head", Micro.Options with { ClassCount = 0, Distilled = true } },
        { "wide image", Micro.Options with { ImageWidth = 48 } },
        { "odd sizes", Micro.Options with { EmbedDim = 42, HeadCount = 3, MlpRatio = 1.5, ClassCount = 3 } },
        { "Swin", new SwinTransformerOptions { ImageSize = 32, PatchSize = 2, EmbedDim = 24, Depths = [2, 2], HeadCounts = [2, 4], WindowSize = 4, ClassCount = 10, MlpRatio = 2 } },
        { "Swin whose windows are filled up", new SwinTransformerOptions { ImageSize = 40, PatchSize = 4, EmbedDim = 16, Depths = [2, 2], HeadCounts = [2, 2], WindowSize = 4, ClassCount = 0 } },
    };

    /// <summary>Methods whose quantizers differ, and mixed widths.</summary>
    public static TheoryData<string, int, int> Methods { get; } = new()
    {
        { RecipeNames.MinMax, 8, 8 },
        { RecipeNames.MinMax, 4, 4 },
        { RecipeNames.MinMax, 3, 3 },
        { RecipeNames.MinMax, 2, 7 },
        { RecipeNames.RepQ, 4, 4 },
        { RecipeNames.WeightOnly, 4, 8 },
        { RecipeNames.IntegerArithmetic, 8, 8 },
        { RecipeNames.IntegerArithmetic, 4, 8 },
        { RecipeNames.Released, 4, 4 },
        { RecipeNames.ISVit, 4, 4 },
        { RecipeNames.ISVit, 3, 6 },
        { RecipeNames.SulqOnly, 5, 5 },
    };

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Predict_Architecture_IsTheQuantizedModelsOutput(string name, ModelOptions options) =>
        AssertAlike(name, options, static o => (o.Recipe, o.WeightBits, o.ActivationBits) = (RecipeNames.MinMax, 6, 6));

    [Theory]
    [MemberData(nameof(Methods))]
    public void Predict_Method_IsTheQuantizedModelsOutput(string recipe, int weightBits, int activationBits) =>
        AssertAlike(recipe, Micro.Options, o => (o.Recipe, o.WeightBits, o.ActivationBits, o.Reconstruction.Iterations) = (recipe, weightBits, activationBits, 1));

    private static void AssertAlike(string name, ModelOptions architecture, Action<QuantizationOptions> configure)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        ImageClassifier model = architecture is SwinTransformerOptions swin ? new SwinTransformer(swin) : new VisionTransformer((VisionTransformerOptions)architecture);
        Micro.Enliven(model, 5);
        model.eval();
        var width = (architecture as VisionTransformerOptions)?.ImageWidth ?? architecture.ImageSize;
        var images = Seeded.Normal(7, ImageCount, 3, architecture.ImageSize, width);
        using var quantized = Micro.Quantizer(configure).Run(model, images[..16]);
        quantized.Save(folder["model.safetensors"]);

        var expected = quantized.Predict(images).data<float>().ToArray();
        var disturbed = quantized.Predict(images + (Seeded.Normal(8, images.shape) * 1e-6)).data<float>().ToArray();
        var self = Differences(expected, disturbed);
        foreach (var tiles in Tiles.Supported)
        {
            var runtime = RuntimeModel.Load(folder["model.safetensors"], new() { Tiles = tiles, MaxDegreeOfParallelism = 2 });

            var found = runtime.Predict(images.data<float>().ToArray());

            var differences = Differences(expected, found);
            TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant($"{name}, {tiles}: {differences.Max():E2} at most, {differences[ImageCount / 2]:E2} in the middle; itself {self.Max():E2}, {self[ImageCount / 2]:E2}"));
            Assert.Equal(expected.Length, found.Length);
        }
    }

    /// <summary>For each image the largest difference of an output over the outputs' size, ascending.</summary>
    private static double[] Differences(float[] expected, float[] found)
    {
        var size = Math.Sqrt(expected.Average(static x => (double)x * x));
        var width = expected.Length / ImageCount;
        return [.. Enumerable.Range(0, ImageCount)
            .Select(image => Enumerable.Range(image * width, width).Max(i => Math.Abs(expected[i] - found[i]) / size))
            .Order()];
    }
}
