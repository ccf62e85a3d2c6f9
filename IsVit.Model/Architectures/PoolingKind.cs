namespace IsVit.Model.Architectures;

/// <summary>What a vision transformer gives to its head.</summary>
public enum PoolingKind
{
    /// <summary>The class token, after the final normalisation.</summary>
    ClassToken,

    /// <summary>The mean of the patch tokens, normalised after pooling (timm's <c>fc_norm</c>).</summary>
    Average,

    /// <summary>The mean of the patch tokens after the final normalisation (timm's global pooling without <c>fc_norm</c>).</summary>
    AverageOfNormalized,
}
