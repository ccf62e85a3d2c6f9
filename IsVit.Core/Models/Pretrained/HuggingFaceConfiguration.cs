using IsVit.Model.Architectures;
using IsVit.Model.Imaging;

namespace IsVit.Core.Models.Pretrained;

/// <summary><c>config.json</c> and <c>preprocessor_config.json</c> as Hugging Face's <c>save_pretrained</c> writes them.</summary>
internal static class HuggingFaceConfiguration
{
    private static readonly string[] Kinds = ["vit", "deit", "dinov2", "dinov2_with_registers", "swin"];

    /// <summary>The sizes of the model.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="weights">The tensors, which say whether there are heads.</param>
    /// <exception cref="PretrainedModelException">The model is of another kind, or a value is missing or cannot be.</exception>
    public static ModelOptions Options(ConfigurationFile config, RecognizedWeights weights)
    {
        var kind = config.Text("model_type");
        if (!Kinds.Contains(kind, StringComparer.Ordinal))
        {
            throw new PretrainedModelException($"{config.FilePath}: model_type is '{kind}'; expected {string.Join(", ", Kinds)}.");
        }

        if (config.Text("hidden_act") is { } activation && activation != "gelu")
        {
            throw new PretrainedModelException($"{config.FilePath}: hidden_act is '{activation}'; expected 'gelu', the exact one.");
        }

        return kind == "swin" ? Swin(config, weights) : Vit(config, weights, kind!);
    }

    /// <summary>The names of the classes; null where they only number them.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="classCount">The number of classes.</param>
    public static IReadOnlyList<string>? Classes(ConfigurationFile config, int classCount)
    {
        if (config.Section("id2label") is not { } labels)
        {
            return null;
        }

        string[] names = [.. Enumerable.Range(0, classCount).Select(i => labels.Text(FormattableString.Invariant($"{i}"))).OfType<string>()];
        return names.Length != classCount || names.Select(static (name, i) => name == FormattableString.Invariant($"LABEL_{i}")).All(static isNumber => isNumber) ? null : names;
    }

    /// <summary>How images are prepared.</summary>
    /// <param name="file"><c>preprocessor_config.json</c>, or null: then mean and standard deviation are those that the package gives the kind of model.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="imageSize">The model's input in pixels.</param>
    /// <param name="notes">Where is said what cannot be done exactly.</param>
    public static ImagePreprocessing Preprocessing(ConfigurationFile? file, ConfigurationFile config, int imageSize, List<string> notes)
    {
        if (file is null)
        {
            notes.Add($"there is no preprocessor_config.json: images are prepared as {(config.Text("model_type") == "vit" ? "ViT's, with the mean and deviation 0.5" : "ImageNet's")}");
            return (config.Text("model_type") == "vit" ? ImagePreprocessing.Inception : ImagePreprocessing.ImageNet) with { ImageSize = imageSize, CropFraction = 1 };
        }

        return new HuggingFaceProcessor(file, config).Preprocessing(imageSize, notes);
    }

    private static VisionTransformerOptions Vit(ConfigurationFile config, RecognizedWeights weights, string kind)
    {
        var width = config.RequiredInt32("hidden_size");
        var isDino = kind.StartsWith("dinov2", StringComparison.Ordinal);
        var swiGlu = isDino && config.Flag("use_swiglu_ffn") == true;
        var hidden = isDino ? (int)(width * (config.Number("mlp_ratio") ?? 4)) : config.Int32("intermediate_size") ?? 4 * width;
        if (swiGlu)
        {
            // Two thirds, rounded up to a multiple of eight; the first layer computes both halves.
            hidden = 2 * (((hidden * 2 / 3) + 7) / 8 * 8);
        }

        var distilled = weights.Find("head_dist.weight") is not null;
        return new VisionTransformerOptions
        {
            ImageSize = config.Side("image_size") ?? 224,
            PatchSize = config.Side("patch_size") ?? (isDino ? 14 : 16),
            InChannels = config.Int32("num_channels") ?? 3,
            EmbedDim = width,
            Depth = config.RequiredInt32("num_hidden_layers"),
            HeadCount = config.RequiredInt32("num_attention_heads"),
            MlpRatio = HiddenRatio.Of(hidden, width),
            Mlp = swiGlu ? MlpKind.SwiGlu : MlpKind.Gelu,
            QkvBias = config.Flag("qkv_bias") ?? true,
            LayerNormEps = config.Number("layer_norm_eps") ?? (isDino ? 1e-6 : 1e-12),
            LayerScale = isDino ? config.Number("layerscale_value") ?? 1 : null,
            Distilled = distilled,

            // Of a DeiT without a head for it, the distillation token is one that only takes part.
            RegisterTokenCount = isDino ? kind == "dinov2" ? 0 : config.Int32("num_register_tokens") ?? 4 : kind == "deit" && !distilled ? 1 : 0,
            RegisterPositions = !isDino,
            Pooling = isDino && weights.ClassCount > 0 ? PoolingKind.ClassTokenAndAverage : PoolingKind.ClassToken,
            ClassCount = weights.ClassCount,
        };
    }

    private static SwinTransformerOptions Swin(ConfigurationFile config, RecognizedWeights weights)
    {
        if (config.Flag("use_absolute_embeddings") == true)
        {
            throw new PretrainedModelException($"{config.FilePath}: use_absolute_embeddings is true; expected a Swin transformer without absolute position embeddings.");
        }

        return new SwinTransformerOptions
        {
            ImageSize = config.Side("image_size") ?? 224,
            PatchSize = config.Side("patch_size") ?? 4,
            InChannels = config.Int32("num_channels") ?? 3,
            EmbedDim = config.RequiredInt32("embed_dim"),
            Depths = Counts(config, "depths"),
            HeadCounts = Counts(config, "num_heads"),
            WindowSize = config.Int32("window_size") ?? 7,
            MlpRatio = config.Number("mlp_ratio") ?? 4,
            QkvBias = config.Flag("qkv_bias") ?? true,
            LayerNormEps = config.Number("layer_norm_eps") ?? 1e-5,
            ClassCount = weights.ClassCount,
        };
    }

    private static int[] Counts(ConfigurationFile config, string key) =>
        [.. (config.Numbers(key) ?? throw new PretrainedModelException($"{config.FilePath}: expected numbers as '{key}', found none.")).Select(static number => (int)number)];
}
