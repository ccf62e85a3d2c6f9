using IsVit.Model.Quantization;

namespace IsVit.Optimization.Recipes;

/// <summary>The kind of quantizer that sites of one role get; their bits come from the options.</summary>
/// <param name="Scheme">The quantizer's scheme.</param>
/// <param name="Granularity">Which elements share parameters.</param>
public sealed record SiteScheme(string Scheme, Granularity Granularity)
{
    /// <summary>The bits from which on <see cref="WideScheme"/> stands in.</summary>
    public const int WideBits = 7;

    /// <summary>The scheme from <see cref="WideBits"/> bits on, where so many levels lie so densely that equal steps serve nearly as well; null for the same.</summary>
    public string? WideScheme { get; init; }

    /// <summary>The scheme for a width.</summary>
    /// <param name="bits">The bits of a code.</param>
    public string SchemeAt(int bits) => bits >= WideBits ? WideScheme ?? Scheme : Scheme;
}
