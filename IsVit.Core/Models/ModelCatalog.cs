using IsVit.Model.Architectures;
using IsVit.Model.Imaging;

namespace IsVit.Core.Models;

/// <summary>
/// The named models: ViT (Dosovitskiy et al., arXiv 2010.11929; small and tiny: Steiner et al., arXiv 2106.10270), DeiT (Touvron et al.,
/// arXiv 2012.12877), DeiT III (Touvron et al., arXiv 2204.07118), DINOv2 without a head (Oquab et al., arXiv 2304.07193; registers: Darcet et al., arXiv 2309.16588), Swin (Liu et al., arXiv 2103.14030), and the small models of the demonstration. Names, shapes and preprocessing are timm's.
/// </summary>
public static class ModelCatalog
{
    private const int LongestName = 200;

    /// <summary>The name of the model that the demonstration quantizes: 28 x 28 grey images (Fashion-MNIST), ten classes.</summary>
    public const string Demo = "vit_fashion";

    /// <summary>The name of the demonstration's hierarchical model: two layers of windows, the first of them shifted, for the same images.</summary>
    public const string DemoSwin = "swin_micro";

    private static readonly Dictionary<string, ModelPreset> Presets = List().ToDictionary(p => p.Name, StringComparer.Ordinal);

    /// <summary>Every model, in a fixed order.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. List().Select(p => p.Name)];

    /// <summary>Finds a model by its name.</summary>
    /// <param name="name">One of <see cref="Names"/>, or timm's full name of trained weights, such as <c>deit_tiny_patch16_224.fb_in1k</c>, of which the part before the dot counts.</param>
    /// <exception cref="ArgumentException">No model has that name; the message lists the existing names, closest first.</exception>
    public static ModelPreset Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        if (Presets.TryGetValue(dot < 0 ? name : name[..dot], out var preset))
        {
            // Weights learned without labels, as these two are, have the mean and deviation of ImageNet in every family.
            return dot >= 0 && (name.AsSpan(dot + 1).StartsWith("dino", StringComparison.Ordinal) || name.AsSpan(dot + 1).StartsWith("mae", StringComparison.Ordinal))
                ? preset with { Preprocessing = preset.Preprocessing with { Mean = ImagePreprocessing.ImageNet.Mean, Std = ImagePreprocessing.ImageNet.Std } }
                : preset;
        }

        throw new ArgumentException($"There is no model '{name}'. Closest first, there are: {string.Join(", ", ClosestFirst(Names, name))}.", nameof(name));
    }

    /// <summary>The names that a misspelt one may stand for: at most three, the closest first, of which at most a quarter of the letters differ.</summary>
    /// <param name="names">The names that there are.</param>
    /// <param name="name">The misspelt one.</param>
    public static IReadOnlyList<string> Closest(IEnumerable<string> names, string name)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(name);
        return [.. ClosestFirst(names, name).TakeWhile(known => EditDistance(known, name) * 4 <= name.Length).Take(3)];
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
        var wide = new VisionTransformerOptions { EmbedDim = 768, HeadCount = 12 };
        var large = new VisionTransformerOptions { EmbedDim = 1024, HeadCount = 16, Depth = 24 };
        var huge = new VisionTransformerOptions { EmbedDim = 1280, HeadCount = 16, Depth = 32 };

        foreach (var pixels in new[] { 224, 384 })
        {
            yield return Preset("vit_tiny", tiny, 16, pixels, ImagePreprocessing.Inception);
            yield return Preset("vit_small", small, 16, pixels, ImagePreprocessing.Inception);
            yield return Preset("vit_base", wide, 16, pixels, ImagePreprocessing.Inception);
            yield return Preset("vit_small", small, 32, pixels, ImagePreprocessing.Inception);
            yield return Preset("vit_base", wide, 32, pixels, ImagePreprocessing.Inception);
            yield return Preset("vit_large", large, 16, pixels, ImagePreprocessing.Inception);
        }

        yield return Preset("vit_huge", huge, 14, 224, ImagePreprocessing.Inception);

        foreach (var distilled in new[] { false, true })
        {
            var suffix = distilled ? "_distilled" : string.Empty;
            yield return Preset("deit_tiny" + suffix, tiny with { Distilled = distilled }, 16, 224, ImagePreprocessing.ImageNet);
            yield return Preset("deit_small" + suffix, small with { Distilled = distilled }, 16, 224, ImagePreprocessing.ImageNet);
            yield return Preset("deit_base" + suffix, wide with { Distilled = distilled }, 16, 224, ImagePreprocessing.ImageNet);
            yield return Preset("deit_base" + suffix, wide with { Distilled = distilled }, 16, 384, ImagePreprocessing.ImageNet);
        }

        foreach (var (size, shape, patch) in new[] { ("small", small, 16), ("medium", new() { EmbedDim = 512, HeadCount = 8 }, 16), ("base", wide, 16), ("large", large, 16), ("huge", huge, 14) })
        {
            yield return Preset("deit3_" + size, shape with { LayerScale = 1e-6, PatchPositionsOnly = true }, patch, 224, ImagePreprocessing.ImageNet);
            if (size is "small" or "base" or "large")
            {
                yield return Preset("deit3_" + size, shape with { LayerScale = 1e-6, PatchPositionsOnly = true }, patch, 384, ImagePreprocessing.ImageNet);
            }
        }

        // SwiGLU's hidden layer has 4096 units, whose first layer computes twice as many.
        var giant = new VisionTransformerOptions { EmbedDim = 1536, HeadCount = 24, Depth = 40, Mlp = MlpKind.SwiGlu, MlpRatio = 8192 / 1536.0 };
        foreach (var (size, shape) in new[] { ("small", small), ("base", wide), ("large", large), ("giant", giant) })
        {
            yield return DinoV2(size, "_dinov2", shape);
            yield return DinoV2(size, "_reg4_dinov2", shape with { RegisterTokenCount = 4, PatchPositionsOnly = true });
        }

        yield return Swin("tiny", [2, 2, 6, 2], 96, 7, 224);
        yield return Swin("small", [2, 2, 18, 2], 96, 7, 224);
        yield return Swin("base", [2, 2, 18, 2], 128, 7, 224);
        yield return Swin("base", [2, 2, 18, 2], 128, 12, 384);
        yield return Swin("large", [2, 2, 18, 2], 192, 7, 224);
        yield return Swin("large", [2, 2, 18, 2], 192, 12, 384);

        var fashion = new ImagePreprocessing { ImageSize = 28, CropFraction = 1, Mean = [0.2860f], Std = [0.3530f] };
        yield return new ModelPreset(
            Demo, new VisionTransformerOptions { ImageSize = 28, InChannels = 1, PatchSize = 7, EmbedDim = 64, Depth = 6, HeadCount = 4, ClassCount = 10 }, fashion);
        yield return new ModelPreset(
            DemoSwin, new SwinTransformerOptions { ImageSize = 28, InChannels = 1, PatchSize = 2, EmbedDim = 32, Depths = [2, 2], HeadCounts = [2, 4], ClassCount = 10 }, fashion);
    }

    private static ModelPreset DinoV2(string size, string suffix, VisionTransformerOptions shape) => new(
        $"vit_{size}_patch14{suffix}",
        shape with { PatchSize = 14, ImageSize = 518, LayerScale = 1e-5, ClassCount = 0 },
        ImagePreprocessing.ImageNet with { ImageSize = 518, CropFraction = 1 });

    // The weights trained at 384 pixels are evaluated on the whole short side, those at 224 on 0.9 of it.
    private static ModelPreset Preset(string family, VisionTransformerOptions size, int patch, int pixels, ImagePreprocessing preprocessing) =>
        Preset(FormattableString.Invariant($"{family}_patch{patch}_{pixels}"), size with { PatchSize = patch, ImageSize = pixels }, preprocessing);

    private static ModelPreset Swin(string size, int[] depths, int dim, int window, int pixels) => Preset(
        FormattableString.Invariant($"swin_{size}_patch4_window{window}_{pixels}"),
        new SwinTransformerOptions { Depths = depths, EmbedDim = dim, HeadCounts = [dim / 32, dim / 16, dim / 8, dim / 4], WindowSize = window, ImageSize = pixels },
        ImagePreprocessing.ImageNet);

    private static ModelPreset Preset(string name, ModelOptions options, ImagePreprocessing preprocessing) =>
        new(name, options, preprocessing with { ImageSize = options.ImageSize, CropFraction = options.ImageSize == 384 ? 1 : 0.9 });

    // Levenshtein's, with two neighbours in each other's place as one: the fewest insertions, deletions, replacements and swaps of a character.
    private static int EditDistance(string a, string b)
    {
        // Nobody misspells one of so many letters; a damaged file may have it.
        if (Math.Max(a.Length, b.Length) > LongestName)
        {
            return a == b ? 0 : Math.Max(a.Length, b.Length);
        }

        int[] before = [], above = [], row = [.. Enumerable.Range(0, b.Length + 1)];
        for (var i = 1; i <= a.Length; i++)
        {
            (before, above, row) = (above, row, new int[b.Length + 1]);
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                row[j] = Math.Min(replaced, Math.Min(above[j], row[j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    row[j] = Math.Min(row[j], before[j - 2] + 1);
                }
            }
        }

        return row[^1];
    }
}
