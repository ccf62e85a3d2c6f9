using IsVit.Core.Models;

namespace IsVit.Benchmarks.Optimization;

/// <summary>A vision transformer that is quantized in a moment.</summary>
internal static class SmallVit
{
    /// <summary>One with random weights for images of 32 pixels, in evaluation mode.</summary>
    public static VisionTransformer Create()
    {
        var model = new VisionTransformer(new() { ImageSize = 32, PatchSize = 4, EmbedDim = 96, Depth = 4, HeadCount = 3, ClassCount = 10 });
        model.eval();
        return model;
    }
}
