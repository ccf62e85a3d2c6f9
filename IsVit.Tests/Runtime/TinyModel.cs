using IsVit.Core.Models;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Runtime;

/// <summary>Saved models of some kilobytes, for images of 3 x 16 x 16.</summary>
internal static class TinyModel
{
    /// <summary>Quantizes and saves one, and returns the path.</summary>
    public static string Save(string path, bool isSwin = false, string recipe = RecipeNames.MinMax, int bits = 4)
    {
        using var scope = NewDisposeScope();
        return Save(path, Create(isSwin), recipe, bits);
    }

    /// <summary>Quantizes and saves a model, and returns the path.</summary>
    public static string Save(string path, ImageClassifier model, string recipe = RecipeNames.MinMax, int bits = 4, int images = 16, int imageSize = 16)
    {
        using var scope = NewDisposeScope();
        Micro.Enliven(model, 5);
        model.eval();
        using var quantized = Micro.Quantizer(o => (o.Recipe, o.WeightBits, o.ActivationBits, o.Reconstruction.Iterations) = (recipe, bits, bits, 1)).Run(model, Seeded.Normal(6, images, 3, imageSize, imageSize));
        quantized.Description = quantized.Description! with { Preprocessing = new() { ImageSize = imageSize }, Classes = ["cat", "dog", "hen"] };
        quantized.Save(path);
        return path;
    }

    private static ImageClassifier Create(bool isSwin) => isSwin
        ? new SwinTransformer(new() { ImageSize = 16, PatchSize = 2, EmbedDim = 8, Depths = [1, 1], HeadCounts = [1, 2], WindowSize = 4, ClassCount = 3, MlpRatio = 2 })
        : new VisionTransformer(new() { ImageSize = 16, PatchSize = 2, EmbedDim = 16, Depth = 2, HeadCount = 2, MlpRatio = 2, ClassCount = 3 });
}
