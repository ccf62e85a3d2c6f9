using IsVit.Model.Architectures;

namespace IsVit.Tool.Inputs;

/// <summary>How many parameters a classifier has, without making it: the largest take gigabytes.</summary>
internal static class ParameterCount
{
    /// <summary>The number of a shape's parameters.</summary>
    /// <param name="shape">The shape.</param>
    public static long Of(ModelOptions shape) => shape switch
    {
        VisionTransformerOptions vit => OfVisionTransformer(vit),
        SwinTransformerOptions swin => OfSwin(swin),
        _ => throw new ArgumentException($"The shape is a {shape.GetType().Name}; expected {nameof(VisionTransformerOptions)} or {nameof(SwinTransformerOptions)}.", nameof(shape)),
    };

    private static long OfVisionTransformer(VisionTransformerOptions vit)
    {
        long width = vit.EmbedDim;
        var hidden = (int)(vit.EmbedDim * vit.MlpRatio);
        var ownTokens = (vit.HasClassToken ? 1 : 0) + (vit.Distilled ? 1 : 0) + vit.RegisterTokenCount;
        var ownPositions = vit.PatchPositionsOnly ? 0 : ownTokens - (vit.RegisterPositions ? 0 : vit.RegisterTokenCount);
        var patches = vit.ImageSize / vit.PatchSize * ((vit.ImageWidth ?? vit.ImageSize) / vit.PatchSize);
        var block = (2 * Norm(width))
            + Linear(width, 3 * width, vit.QkvBias)
            + Linear(width, width, vit.ProjectionBias)
            + Linear(width, hidden, vit.ProjectionBias)
            + Linear(vit.Mlp == MlpKind.SwiGlu ? hidden / 2 : hidden, width, vit.ProjectionBias)
            + (vit.LayerScale is null ? 0 : 2 * width)
            + (vit.QkNorm ? 2 * Norm(width / vit.HeadCount) : 0);
        var features = vit.PreLogitsDim ?? (vit.Pooling == PoolingKind.ClassTokenAndAverage ? 2 * width : width);
        return (width * (ownTokens + ownPositions + patches))
            + Patches(vit, width)
            + (vit.Depth * block)
            + Norm(width)
            + (vit.PreLogitsDim is { } inner ? Linear(width, inner) : 0)
            + (vit.ClassCount > 0 ? Linear(features, vit.ClassCount) + (vit.Distilled ? Linear(width, vit.ClassCount) : 0) : 0);
    }

    private static long OfSwin(SwinTransformerOptions swin)
    {
        long width = swin.EmbedDim;
        var side = swin.ImageSize / swin.PatchSize;
        var count = Patches(swin, width) + Norm(width);
        for (var layer = 0; layer < swin.Depths.Count; layer++)
        {
            if (layer > 0)
            {
                count += Norm(4 * width) + Linear(4 * width, 2 * width, hasBias: false);
                width *= 2;
                side = (side + 1) / 2;
            }

            // A layer of fewer tokens a side has smaller windows, and so fewer distances within them.
            long reach = (2 * Math.Min(swin.WindowSize, side)) - 1;
            var hidden = (int)(width * swin.MlpRatio);
            var block = (2 * Norm(width)) + Linear(width, 3 * width, swin.QkvBias) + Linear(width, width) + Linear(width, hidden) + Linear(hidden, width) + (reach * reach * swin.HeadCounts[layer]);
            count += swin.Depths[layer] * block;
        }

        return count + Norm(width) + (swin.ClassCount > 0 ? Linear(width, swin.ClassCount) : 0);
    }

    private static long Patches(ModelOptions shape, long width) => Linear((long)shape.InChannels * shape.PatchSize * shape.PatchSize, width);

    private static long Linear(long from, long to, bool hasBias = true) => (from * to) + (hasBias ? to : 0);

    private static long Norm(long width) => 2 * width;
}
