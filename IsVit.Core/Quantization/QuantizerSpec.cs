using IsVit.Model.Quantization;

namespace IsVit.Core.Quantization;

/// <summary>Specifies the quantizer of a site.</summary>
/// <param name="Scheme">The kind of quantizer, the scheme of an <see cref="IQuantizerFactory"/>, e.g. <c>uniform</c>.</param>
/// <param name="Bits">The number of bits of a code.</param>
/// <param name="Granularity">Which elements share one set of parameters.</param>
public sealed record QuantizerSpec(string Scheme, BitWidth Bits, Granularity Granularity)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Scheme}, {Bits} bits, {Granularity}";
}
