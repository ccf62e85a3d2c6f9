using IsVit.Model.Quantization;

namespace IsVit.Core.Quantization;

/// <summary>Which quantizer a site gets.</summary>
/// <param name="Scheme">The kind of quantizer, a name that an <see cref="IQuantizerFactory"/> knows, e.g. <c>uniform</c>.</param>
/// <param name="Bits">The number of bits of a code.</param>
/// <param name="Granularity">Which elements share one set of parameters.</param>
public sealed record QuantizerSpec(string Scheme, BitWidth Bits, Granularity Granularity)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Scheme}, {Bits} bits, {Granularity}";
}
