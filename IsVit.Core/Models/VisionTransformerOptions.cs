namespace IsVit.Core.Models;

/// <summary>The shape of a <see cref="VisionTransformer"/>. The defaults are DeiT-Tiny's at 224 pixels; <see cref="ModelCatalog"/> holds named ones.</summary>
public sealed record VisionTransformerOptions : ModelOptions
{
    /// <summary>Creates the options of DeiT-Tiny.</summary>
    public VisionTransformerOptions()
        : base(patchSize: 16, layerNormEps: 1e-6)
    {
    }

    /// <summary>The width of a token, a multiple of <see cref="HeadCount"/>.</summary>
    public int EmbedDim { get; init; } = 192;

    /// <summary>The number of blocks, at least 1.</summary>
    public int Depth { get; init; } = 12;

    /// <summary>The number of attention heads, at least 1.</summary>
    public int HeadCount { get; init; } = 3;

    /// <summary>What the head sees.</summary>
    public PoolingKind Pooling { get; init; } = PoolingKind.ClassToken;

    /// <summary>Whether a class token goes before the patch tokens; pooling by class token needs it.</summary>
    public bool HasClassToken { get; init; } = true;

    /// <summary>Whether there is a distillation token with a head of its own (Touvron et al., arXiv 2012.12877); the logits are the mean of both heads.</summary>
    public bool Distilled { get; init; }

    /// <summary>The initial value of the scale on each residual branch (Touvron et al., arXiv 2103.17239), or null for none.</summary>
    public double? LayerScale { get; init; }

    internal int PrefixTokenCount => (HasClassToken ? 1 : 0) + (Distilled ? 1 : 0);

    internal int PatchCount => PatchesPerSide * PatchesPerSide;

    internal int HiddenDim => (int)(EmbedDim * MlpRatio);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(HeadCount >= 1, nameof(HeadCount), HeadCount, "at least 1");
        Require(EmbedDim >= HeadCount && EmbedDim % HeadCount == 0, nameof(EmbedDim), EmbedDim, $"a multiple of HeadCount ({HeadCount})");
        Require(Depth >= 1, nameof(Depth), Depth, "at least 1");
        RequireMlp(EmbedDim);
        Require(Enum.IsDefined(Pooling), nameof(Pooling), Pooling, "ClassToken or Average");
        Require(Pooling == PoolingKind.Average || HasClassToken, nameof(HasClassToken), HasClassToken, "true when Pooling is ClassToken");
        Require(!Distilled || Pooling == PoolingKind.ClassToken, nameof(Pooling), Pooling, "ClassToken when Distilled is true");
        Require(LayerScale is not { } scale || double.IsFinite(scale), nameof(LayerScale), LayerScale, "finite, or null for none");
    }

    /// <inheritdoc/>
    public override VisionTransformer Create() => new(this);
}
