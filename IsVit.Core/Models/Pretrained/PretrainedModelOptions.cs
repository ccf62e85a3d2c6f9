namespace IsVit.Core.Models.Pretrained;

/// <summary>What is not to be taken from the files of a <see cref="PretrainedModel"/>.</summary>
public sealed record PretrainedModelOptions
{
    /// <summary>The model's name in <see cref="ModelCatalog"/>, or timm's full name with a tag; null for what <c>config.json</c> says, or the one model of the catalogue that the tensors are of.</summary>
    public string? Model { get; init; }

    /// <summary>Height and width of the images in pixels; null for what the model was trained with. The position embedding is resized as timm does.</summary>
    public int? ImageSize { get; init; }

    /// <summary>Height and width of a Swin transformer's windows in tokens; null for what the model was trained with. The relative position biases are resized as timm does.</summary>
    public int? WindowSize { get; init; }

    /// <summary>The number of classes; null for that of the weights, 0 to leave out the head.</summary>
    public int? ClassCount { get; init; }

    /// <summary>Only names with this prefix are used, without it; empty for all, without a customary prefix that they may have.</summary>
    public string Prefix { get; init; } = string.Empty;

    /// <summary>Selects names of the model that keep their random values; null for none.</summary>
    public Func<string, bool>? Skip { get; init; }
}
