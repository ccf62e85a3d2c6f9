namespace IsVit.Model.Architectures;

/// <summary>The shape of a ViT (Dosovitskiy et al., arXiv 2010.11929) or DeiT (Touvron et al., arXiv 2012.12877). The defaults are DeiT-Tiny's at 224 pixels.</summary>
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

    /// <summary>The input of the head.</summary>
    public PoolingKind Pooling { get; init; } = PoolingKind.ClassToken;

    /// <summary>Whether a class token precedes the patch tokens; pooling by class token requires it.</summary>
    public bool HasClassToken { get; init; } = true;

    /// <summary>Whether there is a distillation token with its own head (Touvron et al., arXiv 2012.12877); the logits are the mean of both heads.</summary>
    public bool Distilled { get; init; }

    /// <summary>The initial value of the scale on each residual branch (Touvron et al., arXiv 2103.17239), or null for none.</summary>
    public double? LayerScale { get; init; }

    /// <summary>The width of the image in pixels, a multiple of <see cref="ModelOptions.PatchSize"/>, if it differs from the height; null for a square of <see cref="ModelOptions.ImageSize"/>.</summary>
    public int? ImageWidth { get; init; }

    /// <summary>The number of register tokens (Darcet et al., arXiv 2309.16588) between the class token and the patch tokens; at least 0.</summary>
    public int RegisterTokenCount { get; init; }

    /// <summary>Whether register tokens have entries in the position embedding, like timm's; false for those of DINOv2's authors and of Hugging Face, which only the class token and the patch tokens have.</summary>
    public bool RegisterPositions { get; init; } = true;

    /// <summary>Whether only patch tokens get a position embedding (timm's <c>no_embed_class</c>).</summary>
    public bool PatchPositionsOnly { get; init; }

    /// <summary>Whether queries and keys are normalized head by head before their product (Dehghani et al., arXiv 2302.05442).</summary>
    public bool QkNorm { get; init; }

    /// <summary>Whether attention's output projection and the MLP's layers have a bias.</summary>
    public bool ProjectionBias { get; init; } = true;

    /// <summary>The activation between the MLP's layers. <see cref="ModelOptions.MlpRatio"/> determines the output width of the first layer, of which SwiGLU passes on half.</summary>
    public MlpKind Mlp { get; init; }

    /// <summary>The width of a layer with tanh before the head (timm's <c>pre_logits</c> of models with a representation layer), or null for none.</summary>
    public int? PreLogitsDim { get; init; }

    internal int PrefixTokenCount => (HasClassToken ? 1 : 0) + (Distilled ? 1 : 0) + RegisterTokenCount;

    /// <summary>The tokens before the patch tokens that have an entry in the position embedding.</summary>
    internal int PrefixPositionCount => PatchPositionsOnly ? 0 : PrefixTokenCount - (RegisterPositions ? 0 : RegisterTokenCount);

    internal int PatchColumns => (ImageWidth ?? ImageSize) / PatchSize;

    internal int PatchCount => PatchesPerSide * PatchColumns;

    /// <summary>The input width of the head.</summary>
    internal int FeatureDim => PreLogitsDim ?? (Pooling == PoolingKind.ClassTokenAndAverage ? 2 * EmbedDim : EmbedDim);

    internal int HiddenDim => (int)(EmbedDim * MlpRatio);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(ImageWidth is not { } width || (width >= PatchSize && width % PatchSize == 0), nameof(ImageWidth), ImageWidth, FormattableString.Invariant($"a multiple of PatchSize ({PatchSize}), or null for a square"));
        Require(HeadCount >= 1, nameof(HeadCount), HeadCount, "at least 1");
        Require(EmbedDim >= HeadCount && EmbedDim % HeadCount == 0, nameof(EmbedDim), EmbedDim, FormattableString.Invariant($"a multiple of HeadCount ({HeadCount})"));
        Require(Depth >= 1, nameof(Depth), Depth, "at least 1");
        RequireMlp(EmbedDim);
        Require(Enum.IsDefined(Pooling), nameof(Pooling), Pooling, "ClassToken, Average, AverageOfNormalized or ClassTokenAndAverage");
        Require(Pooling is not (PoolingKind.ClassToken or PoolingKind.ClassTokenAndAverage) || HasClassToken, nameof(HasClassToken), HasClassToken, "true when Pooling is ClassToken or ClassTokenAndAverage");
        Require(!Distilled || Pooling == PoolingKind.ClassToken, nameof(Pooling), Pooling, "ClassToken when Distilled is true");
        Require(RegisterTokenCount >= 0, nameof(RegisterTokenCount), RegisterTokenCount, "0 or more");
        Require(Enum.IsDefined(Mlp), nameof(Mlp), Mlp, "Gelu or SwiGlu");
        Require(Mlp != MlpKind.SwiGlu || HiddenDim % 2 == 0, nameof(MlpRatio), MlpRatio, FormattableString.Invariant($"what gives an even hidden width with SwiGlu, not {HiddenDim}"));
        Require(PreLogitsDim is null or >= 1, nameof(PreLogitsDim), PreLogitsDim, "at least 1, or null for none");
        Require(PreLogitsDim is null || !Distilled, nameof(PreLogitsDim), PreLogitsDim, "null when Distilled is true");
        Require(LayerScale is not { } scale || double.IsFinite(scale), nameof(LayerScale), LayerScale, "finite, or null for none");
    }
}
