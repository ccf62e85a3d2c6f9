namespace IsVit.Model.Architectures;

/// <summary>Whether an architecture's sizes can be those of a file, before memory of such sizes is asked for: what they multiply to is no more than the file holds.</summary>
internal static class PlausibleSizes
{
    /// <summary>Compares sizes, in float64 so that nothing overflows.</summary>
    /// <param name="options">The architecture.</param>
    /// <param name="numbers">How many numbers the file's tensors have.</param>
    /// <param name="positions">How many of them the tokens' positions may be; more where positions are resized.</param>
    /// <param name="tokens">How many tokens an image may have where no tensor says it.</param>
    /// <returns>What is too large, to follow the name of the file; null for nothing.</returns>
    public static string? Fault(ModelOptions options, double numbers, double positions, double tokens)
    {
        var (height, width) = ((double)options.ImageSize, (double)((options as VisionTransformerOptions)?.ImageWidth ?? options.ImageSize));
        var patches = height / options.PatchSize * (width / options.PatchSize);
        var patch = (double)options.InChannels * options.PatchSize * options.PatchSize;
        var sizes = new List<(string What, double Value, double Most)> { ("numbers of an image", options.InChannels * height * width, int.MaxValue) };
        switch (options)
        {
            case VisionTransformerOptions vit:
                sizes.Add(("numbers of the patch embedding", patch * vit.EmbedDim, numbers));
                sizes.Add(("numbers of the tokens' positions", patches * vit.EmbedDim, positions));
                sizes.Add(("numbers of the register tokens", (double)vit.RegisterTokenCount * vit.EmbedDim, numbers));
                sizes.Add(("numbers of the blocks", (double)vit.Depth * vit.EmbedDim * ((4.0 * vit.EmbedDim) + (vit.EmbedDim * vit.MlpRatio)), numbers));
                sizes.Add(("numbers of the head", (double)vit.FeatureDim * vit.ClassCount, numbers));
                sizes.Add(("numbers of the layer before the head", (double)vit.EmbedDim * (vit.PreLogitsDim ?? 0), numbers));
                break;
            case SwinTransformerOptions swin:
                sizes.Add(("numbers of the patch embedding", patch * swin.EmbedDim, numbers));
                sizes.Add(("tokens", patches, tokens));
                for (var layer = 0; layer < swin.Depths.Count; layer++)
                {
                    double dim = swin.DimOf(layer);
                    sizes.Add((FormattableString.Invariant($"numbers of layer {layer}"), swin.Depths[layer] * dim * ((4 * dim) + (dim * swin.MlpRatio)), numbers));
                }

                sizes.Add(("numbers of the head", (double)swin.DimOf(swin.Depths.Count - 1) * swin.ClassCount, numbers));
                break;
        }

        // What is no number is not plausible either.
        return sizes.Where(static size => !(size.Value <= size.Most))
            .Select(size => FormattableString.Invariant($"its architecture ({options.GetType().Name}) gives {size.Value:G6} {size.What}; expected at most {size.Most:G6}"))
            .FirstOrDefault();
    }

    /// <summary>How many numbers a shape has, without overflow.</summary>
    /// <param name="shape">The shape.</param>
    public static double Count(IReadOnlyList<long> shape)
    {
        var count = 1.0;
        foreach (var length in shape)
        {
            count *= length;
        }

        return count;
    }
}
