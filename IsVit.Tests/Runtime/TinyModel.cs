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
        ImageClassifier model = isSwin
            ? new SwinTransformer(new() { ImageSize = 16, PatchSize = 2, EmbedDim = 8, Depths = [1, 1], HeadCounts = [1, 2], WindowSize = 4, ClassCount = 3, MlpRatio = 2 })
            : new VisionTransformer(new() { ImageSize = 16, PatchSize = 2, EmbedDim = 16, Depth = 2, HeadCount = 2, MlpRatio = 2, ClassCount = 3 });
        Micro.Enliven(model, 5);
        model.eval();
        using var quantized = Micro.Quantizer(o => (o.Recipe, o.WeightBits, o.ActivationBits, o.Reconstruction.Iterations) = (recipe, bits, bits, 1)).Run(model, Seeded.Normal(6, 16, 3, 16, 16));
        quantized.Description = quantized.Description! with { Preprocessing = new() { ImageSize = 16 }, Classes = ["cat", "dog", "hen"] };
        quantized.Save(path);
        return path;
    }
}
