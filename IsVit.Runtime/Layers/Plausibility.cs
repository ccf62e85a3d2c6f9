using IsVit.Model;
using IsVit.Model.Architectures;
using IsVit.Model.Quantization;
using IsVit.Model.Saved;

namespace IsVit.Runtime.Layers;

/// <summary>Whether an architecture and its quantizers can be those of a file's tensors, before memory of such sizes is asked for.</summary>
internal static class Plausibility
{
    private const double BiasesOfSmallFiles = 1 << 20;

    /// <summary>Compares sizes.</summary>
    /// <param name="saved">The file.</param>
    /// <param name="options">Its architecture.</param>
    /// <exception cref="QuantizationException">A size is too large, or does not fit.</exception>
    public static void Require(SavedModel saved, ModelOptions options)
    {
        SavedSizes.Require(saved, options);
        switch (options)
        {
            case VisionTransformerOptions vit:
                RequireWidths(saved, _ => vit.EmbedDim / vit.HeadCount, vit.PrefixTokenCount + vit.PatchCount);
                break;
            case SwinTransformerOptions swin:
                RequireBiases(saved, swin);
                RequireWidths(saved, path => swin.DimOf(LayerOf(path, swin)) / swin.HeadCounts[LayerOf(path, swin)], null);
                break;
        }
    }

    // A head's table of relative positions, as large as a window, becomes what is added to the scores of a window's pairs of tokens, in up to four kinds of windows.
    private static void RequireBiases(SavedModel saved, SwinTransformerOptions swin)
    {
        var biases = 0.0;
        for (var layer = 0; layer < swin.Depths.Count; layer++)
        {
            double window = swin.WindowOf(layer);
            biases += 2.5 * swin.Depths[layer] * swin.HeadCounts[layer] * window * window * window * window;
        }

        var most = Math.Max(saved.FileLength, BiasesOfSmallFiles);
        if (biases > most)
        {
            throw new QuantizationException(FormattableString.Invariant($"'{saved.FilePath}' cannot be run: its architecture ({nameof(SwinTransformerOptions)}) gives {biases:G6} numbers of the relative positions of tokens in windows; expected at most {most:G6}."));
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
                ? weight is { Count: > 0 } ? PlausibleSizes.Count(weight) / Math.Max(1, weight[0]) : null
                : site.Site.Operand == SiteOperand.Left && path.EndsWith(".av", StringComparison.Ordinal) ? tokens : headWidth(path);
            if (expected is { } width && quantizer.SetCount != width)
            {
                throw new QuantizationException(FormattableString.Invariant($"'{saved.FilePath}' cannot be run: the quantizer of '{site.Site.Id}' is for {quantizer.SetCount} channels; expected {width}."));
            }
        }
    }

    private static int LayerOf(string path, SwinTransformerOptions swin) =>
        path.Split('.') is ["layers", var number, ..] && int.TryParse(number, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var layer) ? Math.Min(layer, swin.Depths.Count - 1) : 0;
}
