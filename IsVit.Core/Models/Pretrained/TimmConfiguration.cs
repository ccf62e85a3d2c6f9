using IsVit.Model.Architectures;
using IsVit.Model.Imaging;

namespace IsVit.Core.Models.Pretrained;

/// <summary><c>config.json</c> as timm writes it: the model by its name, and its input.</summary>
internal static class TimmConfiguration
{
    /// <summary>The model.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="weights">The tensors, which say the number of classes.</param>
    /// <exception cref="PretrainedModelException">There is no such model here, or it was changed in a way that is not known here.</exception>
    public static ModelPreset Preset(ConfigurationFile config, RecognizedWeights weights)
    {
        var name = config.Text("architecture")!;
        var trained = config.Section("pretrained_cfg");
        var preset = Find(config, trained?.Text("tag") is { Length: > 0 } tag ? $"{name}.{tag}" : name);
        var options = preset.Options with { ClassCount = weights.ClassCount };
        if (trained?.Numbers("input_size") is [var channels, var height, var width])
        {
            options = height == width ? options with { ImageSize = (int)height, InChannels = (int)channels } : throw new PretrainedModelException(FormattableString.Invariant($"{config.FilePath}: input_size is [{channels}, {height}, {width}]; expected squares."));
        }

        options = Pooled(Changed(config, options), config, weights);
        return preset with { Options = options, Preprocessing = Preprocessing(trained, preset.Preprocessing with { ImageSize = options.ImageSize }) };
    }

    /// <summary>The names of the classes; null if it says none.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="classCount">The number of classes.</param>
    public static IReadOnlyList<string>? Classes(ConfigurationFile config, int classCount)
    {
        if (config.Texts("label_names") is not { } names || names.Count != classCount)
        {
            return null;
        }

        var descriptions = config.Section("label_descriptions");
        return [.. names.Select(name => descriptions?.Text(name) ?? name)];
    }

    private static ModelPreset Find(ConfigurationFile config, string name)
    {
        try
        {
            return ModelCatalog.Find(name);
        }
        catch (ArgumentException error)
        {
            throw new PretrainedModelException($"{config.FilePath}: {error.Message}", error);
        }
    }

    private static ModelOptions Changed(ConfigurationFile config, ModelOptions options)
    {
        if (config.Section("model_args") is not { } arguments)
        {
            return options;
        }

        foreach (var key in arguments.Keys)
        {
            options = (key, options) switch
            {
                ("img_size", _) => options with { ImageSize = arguments.Side(key) ?? options.ImageSize },
                ("patch_size", _) => options with { PatchSize = arguments.Side(key) ?? options.PatchSize },
                ("in_chans", _) => options with { InChannels = arguments.RequiredInt32(key) },
                ("mlp_ratio", _) => options with { MlpRatio = arguments.Number(key) ?? options.MlpRatio },
                ("embed_dim", VisionTransformerOptions vit) => vit with { EmbedDim = arguments.RequiredInt32(key) },
                ("depth", VisionTransformerOptions vit) => vit with { Depth = arguments.RequiredInt32(key) },
                ("num_heads", VisionTransformerOptions vit) => vit with { HeadCount = arguments.RequiredInt32(key) },
                ("init_values", VisionTransformerOptions vit) => vit with { LayerScale = arguments.Number(key) },
                ("reg_tokens", VisionTransformerOptions vit) => vit with { RegisterTokenCount = arguments.RequiredInt32(key) },
                ("no_embed_class", VisionTransformerOptions vit) => vit with { PatchPositionsOnly = arguments.Flag(key) ?? false },
                ("embed_dim", SwinTransformerOptions swin) => swin with { EmbedDim = arguments.RequiredInt32(key) },
                ("window_size", SwinTransformerOptions swin) => swin with { WindowSize = arguments.RequiredInt32(key) },
                ("depths", SwinTransformerOptions swin) => swin with { Depths = [.. arguments.Numbers(key)!.Select(static number => (int)number)] },
                ("num_heads", SwinTransformerOptions swin) => swin with { HeadCounts = [.. arguments.Numbers(key)!.Select(static number => (int)number)] },
                ("num_classes" or "global_pool" or "dynamic_img_size" or "drop_path_rate" or "drop_rate", _) => options,
                _ => throw new PretrainedModelException($"{config.FilePath}: model_args changes '{key}', which is not known here."),
            };
        }

        return options;
    }

    private static ModelOptions Pooled(ModelOptions options, ConfigurationFile config, RecognizedWeights weights) => options is VisionTransformerOptions vit && config.Text("global_pool") == "avg"
        ? vit with { Pooling = weights.Find("fc_norm.weight") is null ? PoolingKind.AverageOfNormalized : PoolingKind.Average }
        : options;

    private static ImagePreprocessing Preprocessing(ConfigurationFile? trained, ImagePreprocessing own) => trained is null ? own : own with
    {
        CropFraction = trained.Number("crop_pct") ?? own.CropFraction,
        ResizeMode = trained.Text("crop_mode") switch
        {
            null => own.ResizeMode,
            "center" => ResizeMode.ShortSide,
            "squash" => ResizeMode.Squash,
            var other => throw new PretrainedModelException($"{trained.FilePath}: crop_mode is '{other}'; expected 'center' or 'squash'."),
        },
        Mean = trained.Numbers("mean") is { } mean ? [.. mean.Select(static number => (float)number)] : own.Mean,
        Std = trained.Numbers("std") is { } std ? [.. std.Select(static number => (float)number)] : own.Std,
        Filter = trained.Text("interpolation") switch
        {
            null or "bicubic" or "random" => ResampleFilter.Bicubic,
            "bilinear" => ResampleFilter.Bilinear,
            var other => throw new PretrainedModelException($"{trained.FilePath}: interpolation is '{other}'; expected 'bicubic' or 'bilinear'."),
        },
    };
}
