using IsVit.Model.Quantization;

namespace IsVit.Optimization.Recipes;

/// <summary>The kind of quantizer for the sites of one role; the number of bits comes from the options.</summary>
/// <param name="Scheme">The quantizer's scheme.</param>
/// <param name="Granularity">Which elements share parameters.</param>
public sealed record SiteScheme(string Scheme, Granularity Granularity)
{
    /// <summary>The number of bits from which <see cref="WideScheme"/> is used instead.</summary>
    public const int WideBits = 7;

    /// <summary>The scheme from <see cref="WideBits"/> bits on, where the levels are so dense that equal steps work nearly as well; null for the same scheme.</summary>
    public string? WideScheme { get; init; }

    /// <summary>Returns the scheme for a bit width.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    public string SchemeAt(int bits) => bits >= WideBits ? WideScheme ?? Scheme : Scheme;
}
