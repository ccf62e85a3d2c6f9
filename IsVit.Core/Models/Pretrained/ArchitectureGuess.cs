using System.Globalization;
using IsVit.Model.Architectures;

namespace IsVit.Core.Models.Pretrained;

/// <summary>What the shapes of tensors say of their model. They do not say how many heads a vision transformer has, nor how its images are prepared.</summary>
internal static class ArchitectureGuess
{
    /// <summary>The models of the catalogue that tensors may be of, with the number of classes that the tensors have.</summary>
    /// <param name="weights">The tensors.</param>
    public static IReadOnlyList<ModelPreset> Presets(RecognizedWeights weights)
    {
        if (Options(weights) is not { } guess)
        {
            return [];
        }

        return [.. ModelCatalog.Names.Select(ModelCatalog.Find).Where(preset => Fits(preset.Options, guess))];
    }

    /// <summary>The sizes of the model, in a few words.</summary>
    /// <param name="weights">The tensors.</param>
    public static string Describe(RecognizedWeights weights) => Options(weights) switch
    {
        VisionTransformerOptions vit => string.Create(CultureInfo.InvariantCulture, $"{vit.Depth} blocks of width {vit.EmbedDim}, patches of {vit.PatchSize} pixels, images of {vit.ImageSize}, {Head(vit)}{(vit.RegisterTokenCount > 0 ? $", {vit.RegisterTokenCount} registers" : "")}"),
        SwinTransformerOptions swin => string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", swin.Depths)} blocks of width {swin.EmbedDim} and its doubles, windows of {swin.WindowSize}, {Head(swin)}"),
        _ => "sizes that fit no vision transformer or Swin transformer",
    };

    private static string Head(ModelOptions options) => options.ClassCount == 0 ? "no head" : FormattableString.Invariant($"{options.ClassCount} classes");

    private static bool Fits(ModelOptions preset, ModelOptions guess) => (preset, guess) switch
    {
        (VisionTransformerOptions known, VisionTransformerOptions found) => found == known with
        {
            HeadCount = found.HeadCount, LayerNormEps = found.LayerNormEps, MlpRatio = found.MlpRatio, LayerScale = known.LayerScale is null ? null : found.LayerScale, ClassCount = found.ClassCount,
            PatchPositionsOnly = found.PatchPositionsOnly, RegisterPositions = found.RegisterPositions,
        } && known.HiddenDim == found.HiddenDim,
        (SwinTransformerOptions known, SwinTransformerOptions found) =>
            known.EmbedDim == found.EmbedDim && known.Depths.SequenceEqual(found.Depths) && known.HeadCounts.SequenceEqual(found.HeadCounts) && known.WindowSize == found.WindowSize && known.PatchSize == found.PatchSize && known.InChannels == found.InChannels,
        _ => false,
    };

    private static ModelOptions? Options(RecognizedWeights weights) => weights.Find("patch_embed.proj.weight") is not [var width, var channels, var patch, _]
        ? null
        : weights.IsSwin ? Swin(weights, (int)width, (int)channels, (int)patch) : Vit(weights, (int)width, (int)channels, (int)patch);

    private static VisionTransformerOptions? Vit(RecognizedWeights weights, int width, int channels, int patch)
    {
        if (weights.Find("blocks.0.mlp.fc1.weight") is not [var hidden, _] || weights.Find("blocks.0.mlp.fc2.weight") is not [_, var inner] || weights.Find("pos_embed") is not [_, var positions, _])
        {
            return null;
        }

        var token = weights.Find("cls_token") is null ? 0 : 1;
        var distilled = weights.Find("dist_token") is not null;
        var registers = (int)(weights.Find("reg_token") is [_, var count, _] ? count : 0);
        var prefix = token + (distilled ? 1 : 0);
        int[] prefixes = [prefix + registers, prefix, 0];
        var found = prefixes.FirstOrDefault(candidate => PositionEmbedding.SideOf(positions, candidate) is not null, -1);
        if (found < 0)
        {
            return null;
        }

        var featureWidth = weights.Find("head.weight") is [_, var features] ? features : width;
        return new VisionTransformerOptions
        {
            ImageSize = PositionEmbedding.SideOf(positions, found)!.Value * patch,
            PatchSize = patch,
            InChannels = channels,
            EmbedDim = width,
            Depth = Count(weights, "blocks."),
            MlpRatio = HiddenRatio.Of((int)hidden, width),
            Mlp = inner * 2 == hidden ? MlpKind.SwiGlu : MlpKind.Gelu,
            HasClassToken = token == 1,
            Distilled = distilled,
            RegisterTokenCount = registers,
            PatchPositionsOnly = found == 0 && prefix + registers > 0,
            RegisterPositions = found != prefix || registers == 0,
            LayerScale = weights.Find("blocks.0.ls1.gamma") is null ? null : 1,
            QkvBias = weights.Find("blocks.0.attn.qkv.bias") is not null,
            ProjectionBias = weights.Find("blocks.0.attn.proj.bias") is not null,
            QkNorm = weights.Find("blocks.0.attn.q_norm.weight") is not null,
            Pooling = weights.Find("fc_norm.weight") is not null ? PoolingKind.Average : featureWidth == 2 * width ? PoolingKind.ClassTokenAndAverage : PoolingKind.ClassToken,
            ClassCount = weights.ClassCount,
        };
    }

    private static SwinTransformerOptions? Swin(RecognizedWeights weights, int width, int channels, int patch)
    {
        var layers = Count(weights, "layers.");
        List<int> depths = [], heads = [];
        var window = 0;
        for (var layer = 0; layer < layers; layer++)
        {
            var prefix = FormattableString.Invariant($"layers.{layer}.blocks.");
            depths.Add(Count(weights, prefix));
            if (weights.Find($"{prefix}0.attn.relative_position_bias_table") is not [var places, var count])
            {
                return null;
            }

            heads.Add((int)count);
            window = Math.Max(window, ((int)Math.Round(Math.Sqrt(places)) + 1) / 2);
        }

        return new SwinTransformerOptions { PatchSize = patch, InChannels = channels, EmbedDim = width, Depths = depths, HeadCounts = heads, WindowSize = window, ClassCount = weights.ClassCount };
    }

    // How many numbers follow a prefix.
    private static int Count(RecognizedWeights weights, string prefix) => weights.Shapes.Keys
        .Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
        .Select(name => name[prefix.Length..].Split('.')[0])
        .Distinct(StringComparer.Ordinal)
        .Count(static number => int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out _));
}
