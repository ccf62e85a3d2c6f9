namespace IsVit.Model.Architectures;

/// <summary>The shape of a Swin transformer (Liu et al., arXiv 2103.14030). The defaults are Swin-T's at 224 pixels.</summary>
public sealed record SwinTransformerOptions : ModelOptions
{
    // The side of the image is halved before each but the first.
    private const int MostLayers = 30;

    /// <summary>Creates the options of Swin-T.</summary>
    public SwinTransformerOptions()
        : base(patchSize: 4, layerNormEps: 1e-5)
    {
    }

    /// <summary>The width of a token in the first layer, a multiple of its number of heads; each further layer doubles it.</summary>
    public int EmbedDim { get; init; } = 96;

    /// <summary>The number of blocks of each layer, at least 1; every other block shifts its windows.</summary>
    public IReadOnlyList<int> Depths { get; init; } = [2, 2, 6, 2];

    /// <summary>The number of attention heads of each layer, which divide its width.</summary>
    public IReadOnlyList<int> HeadCounts { get; init; } = [3, 6, 12, 24];

    /// <summary>Height and width of a window in tokens, at least 2. If a layer's image has no more tokens along a side than this, one window contains all of them.</summary>
    public int WindowSize { get; init; } = 7;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(Depths is { Count: > 0 } && Depths.All(static depth => depth >= 1), nameof(Depths), Text(Depths), "at least one layer, each of at least 1 block");
        Require(Depths.Count <= MostLayers, nameof(Depths), Text(Depths), FormattableString.Invariant($"at most {MostLayers} layers"));
        Require(HeadCounts is not null && HeadCounts.Count == Depths.Count, nameof(HeadCounts), Text(HeadCounts), $"one number for each of the {Depths.Count} layer(s) of Depths");
        Require(EmbedDim >= 1 && (long)EmbedDim << Depths.Count < int.MaxValue, nameof(EmbedDim), EmbedDim, "at least 1, and small enough to be doubled at every layer");
        for (var i = 0; i < Depths.Count; i++)
        {
            Require(HeadCounts![i] >= 1 && DimOf(i) % HeadCounts[i] == 0, FormattableString.Invariant($"{nameof(HeadCounts)}[{i}]"), HeadCounts[i], FormattableString.Invariant($"a divisor of the layer's width ({DimOf(i)})"));
        }

        Require(WindowSize >= 2, nameof(WindowSize), WindowSize, "at least 2");
        Require(PatchesPerSide >> (Depths.Count - 1) >= 1, nameof(Depths), Text(Depths), FormattableString.Invariant($"few enough layers that {PatchesPerSide} patches a side can be halved before each but the first"));
        RequireMlp(EmbedDim);
    }

    /// <summary>The width of a token in a layer.</summary>
    /// <param name="layer">The layer, from 0.</param>
    internal int DimOf(int layer) => EmbedDim << layer;

    /// <summary>Tokens along a side of a layer's windows. As in timm, the layer's side is rounded down at each merging, though what flows is rounded up.</summary>
    /// <param name="layer">The layer, from 0.</param>
    internal int WindowOf(int layer) => Math.Min(PatchesPerSide >> layer, WindowSize);

    /// <summary>By how many tokens the windows of every second block of a layer are shifted: by none if one window holds the layer.</summary>
    /// <param name="layer">The layer, from 0.</param>
    internal int ShiftOf(int layer) => PatchesPerSide >> layer <= WindowSize ? 0 : WindowOf(layer) / 2;

    private static string Text(IReadOnlyList<int>? numbers) => numbers is null ? "null" : $"[{string.Join(", ", numbers)}]";
}
