using IsVit.Model.Architectures;
using IsVit.Model.Imaging;

namespace IsVit.Core.Models;

/// <summary>
/// The named models: ViT (Dosovitskiy et al., arXiv 2010.11929; small and tiny: Steiner et al., arXiv 2106.10270), DeiT (Touvron et al.,
/// arXiv 2012.12877), Swin (Liu et al., arXiv 2103.14030), and the small models of the demonstration. Names, shapes and preprocessing are timm's.
/// </summary>
public static class ModelCatalog
{
    /// <summary>The name of the model that the demonstration quantizes: 28 x 28 grey images (Fashion-MNIST), ten classes.</summary>
    public const string Demo = "vit_fashion";

    /// <summary>The name of the demonstration's hierarchical model: two layers of windows, the first of them shifted, for the same images.</summary>
    public const string DemoSwin = "swin_micro";

    private static readonly Dictionary<string, ModelPreset> Presets = List().ToDictionary(p => p.Name, StringComparer.Ordinal);

    /// <summary>Every model, in a fixed order.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. List().Select(p => p.Name)];

    /// <summary>Finds a model by its name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="ArgumentException">No model has that name; the message lists the existing names, closest first.</exception>
    public static ModelPreset Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (Presets.TryGetValue(name, out var preset))
        {
            return preset;
        }

        throw new ArgumentException($"There is no model '{name}'. Closest first, there are: {string.Join(", ", ClosestFirst(Names, name))}.", nameof(name));
    }

    /// <summary>Creates a model with random weights (from torch's default generator).</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="classCount">The number of classes, or null for the model's own (1000; 10 for the demonstration's).</param>
    /// <exception cref="ArgumentException">No model has that name.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="classCount"/> is below 1.</exception>
    public static ImageClassifier Create(string name, int? classCount = null) => Find(name).Create(classCount);

    /// <summary>Names in the order of their likeness to another.</summary>
    internal static IEnumerable<string> ClosestFirst(IEnumerable<string> names, string name) => names.OrderBy(n => EditDistance(n, name)).ThenBy(static n => n, StringComparer.Ordinal);

    private static IEnumerable<ModelPreset> List()
    {
        var tiny = new VisionTransformerOptions { EmbedDim = 192, HeadCount = 3 };
        var small = new VisionTransformerOptions { EmbedDim = 384, HeadCount = 6 };
        var large = new VisionTransformerOptions { EmbedDim = 768, HeadCount = 12 };

        foreach (var pixels in new[] { 224, 384 })
        {
            yield return Preset("vit_tiny", tiny, 16, pixels, ImagePreprocessing.Inception);
            yield return Preset("vit_small", small, 16, pixels, ImagePreprocessing.Inception);
            yield return Preset("vit_base", large, 16, pixels, ImagePreprocessing.Inception);
            yield return Preset("vit_small", small, 32, pixels, ImagePreprocessing.Inception);
            yield return Preset("vit_base", large, 32, pixels, ImagePreprocessing.Inception);
        }

        foreach (var distilled in new[] { false, true })
        {
            var suffix = distilled ? "_distilled" : string.Empty;
            yield return Preset("deit_tiny" + suffix, tiny with { Distilled = distilled }, 16, 224, ImagePreprocessing.ImageNet);
            yield return Preset("deit_small" + suffix, small with { Distilled = distilled }, 16, 224, ImagePreprocessing.ImageNet);
            yield return Preset("deit_base" + suffix, large with { Distilled = distilled }, 16, 224, ImagePreprocessing.ImageNet);
            yield return Preset("deit_base" + suffix, large with { Distilled = distilled }, 16, 384, ImagePreprocessing.ImageNet);
        }

        yield return Swin("tiny", [2, 2, 6, 2], 96, 7, 224);
        yield return Swin("small", [2, 2, 18, 2], 96, 7, 224);
        yield return Swin("base", [2, 2, 18, 2], 128, 7, 224);
        yield return Swin("base", [2, 2, 18, 2], 128, 12, 384);

        var fashion = new ImagePreprocessing { ImageSize = 28, CropFraction = 1, Mean = [0.2860f], Std = [0.3530f] };
        yield return new ModelPreset(
            Demo, new VisionTransformerOptions { ImageSize = 28, InChannels = 1, PatchSize = 7, EmbedDim = 64, Depth = 6, HeadCount = 4, ClassCount = 10 }, fashion);
        yield return new ModelPreset(
            DemoSwin, new SwinTransformerOptions { ImageSize = 28, InChannels = 1, PatchSize = 2, EmbedDim = 32, Depths = [2, 2], HeadCounts = [2, 4], ClassCount = 10 }, fashion);
    }

    // The weights trained at 384 pixels are evaluated on the whole short side, those at 224 on 0.9 of it.
    private static ModelPreset Preset(string family, VisionTransformerOptions size, int patch, int pixels, ImagePreprocessing preprocessing) =>
        Preset(FormattableString.Invariant($"{family}_patch{patch}_{pixels}"), size with { PatchSize = patch, ImageSize = pixels }, preprocessing);

    private static ModelPreset Swin(string size, int[] depths, int dim, int window, int pixels) => Preset(
        FormattableString.Invariant($"swin_{size}_patch4_window{window}_{pixels}"),
        new SwinTransformerOptions { Depths = depths, EmbedDim = dim, HeadCounts = [dim / 32, dim / 16, dim / 8, dim / 4], WindowSize = window, ImageSize = pixels },
        ImagePreprocessing.ImageNet);

    private static ModelPreset Preset(string name, ModelOptions options, ImagePreprocessing preprocessing) =>
        new(name, options, preprocessing with { ImageSize = options.ImageSize, CropFraction = options.ImageSize == 384 ? 1 : 0.9 });

    // Levenshtein: the fewest insertions, deletions and replacements of a character.
    private static int EditDistance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
