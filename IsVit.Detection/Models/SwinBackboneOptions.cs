namespace IsVit.Detection.Models;

/// <summary>The shape of a Swin transformer that a detector takes feature maps from (Liu et al., arXiv 2103.14030). The defaults are Swin-T's.</summary>
public sealed record SwinBackboneOptions
{
    /// <summary>The number of colour channels of an image.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Height and width of a patch in pixels, which is the stride of the finest feature map.</summary>
    public int PatchSize { get; init; } = 4;

    /// <summary>The width of a token in the first layer, a multiple of its number of heads; each further layer doubles it.</summary>
    public int EmbedDim { get; init; } = 96;

    /// <summary>The number of blocks of each layer, at least 1; every other block shifts its windows by half a window.</summary>
    public IReadOnlyList<int> Depths { get; init; } = [2, 2, 6, 2];

    /// <summary>The number of attention heads of each layer, which divide its width.</summary>
    public IReadOnlyList<int> HeadCounts { get; init; } = [3, 6, 12, 24];

    /// <summary>Height and width of a window in tokens, at least 2. Maps are filled up to whole windows, however small they are.</summary>
    public int WindowSize { get; init; } = 7;

    /// <summary>The hidden width of a block's MLP as a multiple of the token's.</summary>
    public double MlpRatio { get; init; } = 4;

    /// <summary>Whether the projections to queries, keys and values have a bias.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>The probability that the last block's branches are dropped while training (stochastic depth); earlier ones are dropped less often, the first never.</summary>
    public double DropPathRate { get; init; } = 0.2;

    /// <summary>The epsilon added to the variance in normalizations.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>The width of a token in a layer, which is the number of channels of its feature map.</summary>
    /// <param name="layer">The layer, from 0.</param>
    internal int DimOf(int layer) => EmbedDim << layer;

    /// <summary>The pixels per cell of a layer's feature map.</summary>
    /// <param name="layer">The layer, from 0.</param>
    internal int StrideOf(int layer) => PatchSize << layer;

    internal void Validate()
    {
        OptionCheck.AtLeast(InChannels, 1, nameof(InChannels));
        OptionCheck.AtLeast(PatchSize, 1, nameof(PatchSize));
        OptionCheck.Require(Depths is { Count: > 0 and <= 8 } && Depths.All(static depth => depth >= 1), nameof(Depths), OptionCheck.Text(Depths), "one to eight layers, each of at least 1 block");
        OptionCheck.Require(HeadCounts is not null && HeadCounts.Count == Depths.Count, nameof(HeadCounts), OptionCheck.Text(HeadCounts), FormattableString.Invariant($"one number for each of the {Depths.Count} layer(s) of Depths"));
        OptionCheck.Require(EmbedDim >= 1 && (long)EmbedDim << Depths.Count < int.MaxValue, nameof(EmbedDim), EmbedDim, "at least 1, and small enough to be doubled at every layer");
        for (var i = 0; i < Depths.Count; i++)
        {
            OptionCheck.Require(HeadCounts![i] >= 1 && DimOf(i) % HeadCounts[i] == 0, FormattableString.Invariant($"{nameof(HeadCounts)}[{i}]"), HeadCounts[i], FormattableString.Invariant($"a divisor of the layer's width ({DimOf(i)})"));
        }

        OptionCheck.AtLeast(WindowSize, 2, nameof(WindowSize));
        OptionCheck.Require(MlpRatio > 0 && EmbedDim * MlpRatio >= 1, nameof(MlpRatio), MlpRatio, "large enough for a hidden width of at least 1");
        OptionCheck.Require(DropPathRate is >= 0 and < 1, nameof(DropPathRate), DropPathRate, "0 to below 1");
        OptionCheck.Require(LayerNormEps > 0, nameof(LayerNormEps), LayerNormEps, "above 0");
    }
}
