using IsVit.Model;
using IsVit.Model.Architectures;
using IsVit.Model.Quantization;
using IsVit.Model.Saved;

namespace IsVit.Runtime.Layers;

/// <summary>Whether an architecture's sizes can be those of a file, before memory of such sizes is asked for: what they multiply to is no more than the file holds.</summary>
internal static class Plausibility
{
    private const double BiasesOfSmallFiles = 1 << 20;

    /// <summary>Compares sizes, in float64 so that nothing overflows.</summary>
    /// <param name="saved">The file.</param>
    /// <param name="options">Its architecture.</param>
    /// <exception cref="QuantizationException">A size is too large.</exception>
    public static void Require(SavedModel saved, ModelOptions options)
    {
        var numbers = saved.Parameters.Values.Sum(static entry => Count(entry.Shape)) + saved.Sites.Where(static site => site.IsWeight).Sum(static site => Count(site.Shape!));
        var (height, width) = ((double)options.ImageSize, (double)((options as VisionTransformerOptions)?.ImageWidth ?? options.ImageSize));
        var patches = height / options.PatchSize * (width / options.PatchSize);
        var patch = (double)options.InChannels * options.PatchSize * options.PatchSize;
        AtMost("numbers of an image", options.InChannels * height * width, int.MaxValue);
        switch (options)
        {
            case VisionTransformerOptions vit:
                AtMost("numbers of the patch embedding", patch * vit.EmbedDim, numbers);
                AtMost("numbers of the tokens' positions", patches * vit.EmbedDim, numbers);
                AtMost("numbers of the register tokens", (double)vit.RegisterTokenCount * vit.EmbedDim, numbers);
                AtMost("numbers of the blocks", (double)vit.Depth * vit.EmbedDim * ((4.0 * vit.EmbedDim) + (vit.EmbedDim * vit.MlpRatio)), numbers);
                AtMost("numbers of the head", (double)vit.FeatureDim * vit.ClassCount, numbers);
                AtMost("numbers of the layer before the head", (double)vit.EmbedDim * (vit.PreLogitsDim ?? 0), numbers);
                RequireWidths(saved, _ => vit.EmbedDim / vit.HeadCount, vit.PrefixTokenCount + vit.PatchCount);
                break;
            case SwinTransformerOptions swin:
                AtMost("numbers of the patch embedding", patch * swin.EmbedDim, numbers);
                AtMost("tokens", patches, saved.FileLength);
                var biases = 0.0;
                for (var layer = 0; layer < swin.Depths.Count; layer++)
                {
                    double dim = swin.DimOf(layer);
                    AtMost(FormattableString.Invariant($"numbers of layer {layer}"), swin.Depths[layer] * dim * ((4 * dim) + (dim * swin.MlpRatio)), numbers);

                    // A head's table of relative positions, as large as a window, becomes what is added to the scores of a window's pairs of tokens, in up to four kinds of windows.
                    var window = (double)Math.Min(swin.PatchesPerSide >> layer, swin.WindowSize);
                    biases += 2.5 * swin.Depths[layer] * swin.HeadCounts[layer] * window * window * window * window;
                }

                AtMost("numbers of the relative positions of tokens in windows", biases, Math.Max(saved.FileLength, BiasesOfSmallFiles));

                AtMost("numbers of the head", (double)swin.DimOf(swin.Depths.Count - 1) * swin.ClassCount, numbers);
                RequireWidths(saved, path => swin.DimOf(LayerOf(path, swin)) / swin.HeadCounts[LayerOf(path, swin)], null);
                break;
        }

        void AtMost(string what, double value, double most)
        {
            if (!(value <= most))
            {
                throw new QuantizationException(FormattableString.Invariant($"'{saved.FilePath}' cannot be run: its architecture ({options.GetType().Name}) gives {value:G6} {what}; expected at most {most:G6}."));
            }
        }
    }

    /// <summary>An activation with parameters for each channel has as many channels as its site.</summary>
    private static void RequireWidths(SavedModel saved, Func<string, int> headWidth, int? tokens)
    {
        var weights = saved.Sites.Where(static site => site.IsWeight).GroupBy(static site => site.Site.Path, StringComparer.Ordinal).ToDictionary(static group => group.Key, static group => group.First().Shape!, StringComparer.Ordinal);
        foreach (var site in saved.Sites.Where(static site => !site.IsWeight))
        {
            var quantizer = saved.Quantizers[site.Quantizer];
            var path = site.Site.Path;
            if (quantizer.Granularity is Granularity.PerTensor)
            {
                continue;
            }

            var weight = weights.GetValueOrDefault(path) ?? saved.Parameters.GetValueOrDefault($"{path}.weight")?.Shape;
            double? expected = site.Site.Operand == SiteOperand.Input
                ? weight is { Count: > 0 } ? Count(weight) / Math.Max(1, weight[0]) : null
                : site.Site.Operand == SiteOperand.Left && path.EndsWith(".av", StringComparison.Ordinal) ? tokens : headWidth(path);
            if (expected is { } width && quantizer.SetCount != width)
            {
                throw new QuantizationException(FormattableString.Invariant($"'{saved.FilePath}' cannot be run: the quantizer of '{site.Site.Id}' is for {quantizer.SetCount} channels; expected {width}."));
            }
        }
    }

    private static int LayerOf(string path, SwinTransformerOptions swin) =>
        path.Split('.') is ["layers", var number, ..] && int.TryParse(number, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var layer) ? Math.Min(layer, swin.Depths.Count - 1) : 0;

    private static double Count(IReadOnlyList<long> shape)
    {
        var count = 1.0;
        foreach (var length in shape)
        {
            count *= length;
        }

        return count;
    }
}
