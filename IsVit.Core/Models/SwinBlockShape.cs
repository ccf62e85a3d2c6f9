namespace IsVit.Core.Models;

/// <summary>The shape of a Swin transformer's block.</summary>
/// <param name="Dim">The width of a token.</param>
/// <param name="HeadCount">The number of attention heads, which divides the width.</param>
internal sealed record SwinBlockShape(int Dim, int HeadCount)
{
    /// <summary>The hidden width of the MLP as a multiple of the token's.</summary>
    public double MlpRatio { get; init; } = 4;

    /// <summary>Whether the fused projection has a bias.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>The epsilon added to the variance in the normalizations.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>The dropout while training; 0 for none.</summary>
    public double DropoutRate { get; init; }

    /// <summary>The probability that a branch is dropped while training; 0 for never.</summary>
    public double DropPathRate { get; init; }
}
