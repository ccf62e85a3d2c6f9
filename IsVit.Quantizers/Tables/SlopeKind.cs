namespace IsVit.Quantizers.Tables;

/// <summary>The derivative of x' by x when every rounding counts as the identity.</summary>
internal enum SlopeKind
{
    /// <summary>1: levels are linear in the rounded quantity.</summary>
    One,

    /// <summary>(x' + shift) / (x + shift): levels are exponential in the rounded quantity, which is the logarithm of x + shift.</summary>
    Ratio,
}
