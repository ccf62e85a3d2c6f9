using System.Globalization;

namespace IsVit.Core.Models;

/// <summary>The shape of a <see cref="VisionTransformer"/>. The defaults are DeiT-Tiny's at 224 pixels; <see cref="ModelCatalog"/> holds named ones.</summary>
public sealed record VisionTransformerOptions
{
    /// <summary>Height and width of the image in pixels, a multiple of <see cref="PatchSize"/>.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>Height and width of a patch in pixels, at least 1.</summary>
    public int PatchSize { get; init; } = 16;

    /// <summary>The number of colour channels, at least 1.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>The width of a token, a multiple of <see cref="HeadCount"/>.</summary>
    public int EmbedDim { get; init; } = 192;

    /// <summary>The number of blocks, at least 1.</summary>
    public int Depth { get; init; } = 12;

    /// <summary>The number of attention heads, at least 1.</summary>
    public int HeadCount { get; init; } = 3;

    /// <summary>The width of the hidden layer of a block's MLP, in widths of a token; above 0.</summary>
    public double MlpRatio { get; init; } = 4;

    /// <summary>Whether the query, key and value projections have a bias.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>The number of classes, at least 1.</summary>
    public int ClassCount { get; init; } = 1000;

    /// <summary>What the head sees.</summary>
    public PoolingKind Pooling { get; init; } = PoolingKind.ClassToken;

    /// <summary>Whether a class token goes before the patch tokens; pooling by class token needs it.</summary>
    public bool HasClassToken { get; init; } = true;

    /// <summary>Whether there is a distillation token with a head of its own (Touvron et al., arXiv 2012.12877); the logits are the mean of both heads.</summary>
    public bool Distilled { get; init; }

    /// <summary>The initial value of the scale on each residual branch (Touvron et al., arXiv 2103.17239), or null for none.</summary>
    public double? LayerScale { get; init; }

    /// <summary>What the normalisations add to the variance, above 0.</summary>
    public double LayerNormEps { get; init; } = 1e-6;

    /// <summary>The probability, 0 to below 1, that training leaves out the last block's residual branches; earlier blocks have less, linearly down to 0.</summary>
    public double DropPathRate { get; init; }

    /// <summary>The probability, 0 to below 1, of dropping an element after the positional embedding, the attention projection and the MLP's layers while training.</summary>
    public double DropoutRate { get; init; }

    internal int PrefixTokenCount => (HasClassToken ? 1 : 0) + (Distilled ? 1 : 0);

    internal int PatchCount => ImageSize / PatchSize * (ImageSize / PatchSize);

    internal int HiddenDim => (int)(EmbedDim * MlpRatio);

    /// <summary>Checks every option.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range; the message names it, its value and what is allowed.</exception>
    public void Validate()
    {
        Require(PatchSize >= 1, nameof(PatchSize), PatchSize, "at least 1");
        Require(ImageSize >= PatchSize && ImageSize % PatchSize == 0, nameof(ImageSize), ImageSize, $"a multiple of PatchSize ({PatchSize})");
        Require(InChannels >= 1, nameof(InChannels), InChannels, "at least 1");
        Require(HeadCount >= 1, nameof(HeadCount), HeadCount, "at least 1");
        Require(EmbedDim >= HeadCount && EmbedDim % HeadCount == 0, nameof(EmbedDim), EmbedDim, $"a multiple of HeadCount ({HeadCount})");
        Require(Depth >= 1, nameof(Depth), Depth, "at least 1");
        Require(MlpRatio > 0 && EmbedDim * MlpRatio is >= 1 and < int.MaxValue, nameof(MlpRatio), MlpRatio, "above 0, for a hidden layer of at least one unit");
        Require(ClassCount >= 1, nameof(ClassCount), ClassCount, "at least 1");
        Require(Enum.IsDefined(Pooling), nameof(Pooling), Pooling, "ClassToken or Average");
        Require(Pooling == PoolingKind.Average || HasClassToken, nameof(HasClassToken), HasClassToken, "true when Pooling is ClassToken");
        Require(!Distilled || Pooling == PoolingKind.ClassToken, nameof(Pooling), Pooling, "ClassToken when Distilled is true");
        Require(LayerScale is not { } scale || double.IsFinite(scale), nameof(LayerScale), LayerScale, "finite, or null for none");
        Require(LayerNormEps > 0 && double.IsFinite(LayerNormEps), nameof(LayerNormEps), LayerNormEps, "finite and above 0");
        Require(DropPathRate is >= 0 and < 1, nameof(DropPathRate), DropPathRate, "0 to below 1");
        Require(DropoutRate is >= 0 and < 1, nameof(DropoutRate), DropoutRate, "0 to below 1");
    }

    private static void Require(bool condition, string option, object? value, string allowed)
    {
        if (!condition)
        {
            throw new ArgumentOutOfRangeException(option, value, string.Create(CultureInfo.InvariantCulture, $"{option} is {value}; allowed is: {allowed}."));
        }
    }
}
