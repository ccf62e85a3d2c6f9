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

    // Of sums in another order, and of levels on a grid of 16 bits.
    private const double Float = 2e-5;
    private const double Grid = 2e-4;

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
    public static TheoryData<string, int, int, double> Methods { get; } = new()
    {
        { RecipeNames.MinMax, 8, 8, Float },
        { RecipeNames.MinMax, 4, 4, Float },
        { RecipeNames.MinMax, 3, 3, Float },
        { RecipeNames.MinMax, 2, 7, Float },
        { RecipeNames.RepQ, 4, 4, Float },
        { RecipeNames.WeightOnly, 4, 8, Float },
        { RecipeNames.IntegerArithmetic, 8, 8, Float },
        { RecipeNames.IntegerArithmetic, 4, 8, Float },
        { RecipeNames.Released, 4, 4, Float },
        { RecipeNames.ISVit, 4, 4, Grid },
        { RecipeNames.ISVit, 3, 6, Float },
        { RecipeNames.ISVit, 3, 3, Grid },
        { RecipeNames.SulqOnly, 5, 5, Float },
    };

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Predict_Architecture_IsTheQuantizedModelsOutput(string name, ModelOptions options)
    {
        Assert.NotEmpty(name);
        AssertAlike(options, static o => (o.Recipe, o.WeightBits, o.ActivationBits) = (RecipeNames.MinMax, 4, 8));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Predict_Method_IsTheQuantizedModelsOutput(string recipe, int weightBits, int activationBits, double within) =>
        AssertAlike(Micro.Options, o => (o.Recipe, o.WeightBits, o.ActivationBits, o.Reconstruction.Iterations) = (recipe, weightBits, activationBits, 1), within: within);

    [Fact]
    public void Predict_ExactLevels_AreThoseOfTheQuantizedModel() => AssertAlike(
        Micro.Options,
        static o => (o.Recipe, o.WeightBits, o.ActivationBits, o.Reconstruction.Iterations) = (RecipeNames.ISVit, 4, 4, 1),
        new() { ExactLevels = true });

    /// <summary>
    /// A code on a border changes with the last bit of a float operation before it, and with it every number after it. Half of the images have no such code; if a token that all images share has one, another model has not.
    /// </summary>
    private static void AssertAlike(ModelOptions architecture, Action<QuantizationOptions> configure, RuntimeOptions? options = null, double within = Float)
    {
        const int Models = 3;
        for (var seed = 1; ; seed++)
        {
            var differences = Differences(architecture, configure, options ?? new(), seed);
            if (differences.TrueForAll(difference => difference <= within))
            {
                return;
            }

            Assert.False(seed == Models, $"{Models} models: of the last the middle image's outputs differ by {string.Join(", ", differences)} of their size.");
        }
    }

    /// <summary>For each set of loops the middle image's largest difference of an output, over the outputs' size.</summary>
    private static List<double> Differences(ModelOptions architecture, Action<QuantizationOptions> configure, RuntimeOptions options, int seed)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        ImageClassifier model = architecture is SwinTransformerOptions swin ? new SwinTransformer(swin) : new VisionTransformer((VisionTransformerOptions)architecture);
        Micro.Enliven(model, seed * 100);
        model.eval();
        var width = (architecture as VisionTransformerOptions)?.ImageWidth ?? architecture.ImageSize;
        var images = Seeded.Normal(7, ImageCount, 3, architecture.ImageSize, width);
        using var quantized = Micro.Quantizer(configure).Run(model, images[..16]);
        quantized.Save(folder["model.safetensors"]);
        var expected = quantized.Predict(images).data<float>().ToArray();
        var pixels = images.data<float>().ToArray();
        return [.. Tiles.Supported.Select(tiles => Middle(expected, RuntimeModel.Load(folder["model.safetensors"], options with { Tiles = tiles, MaxDegreeOfParallelism = 2 }).Predict(pixels)))];
    }

    private static double Middle(float[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        var size = Math.Sqrt(expected.Average(static x => (double)x * x));
        var width = expected.Length / ImageCount;
        return Enumerable.Range(0, ImageCount)
            .Select(image => Enumerable.Range(image * width, width).Max(i => Math.Abs(expected[i] - found[i]) / size))
            .Order()
            .ElementAt(ImageCount / 2);
    }
}
