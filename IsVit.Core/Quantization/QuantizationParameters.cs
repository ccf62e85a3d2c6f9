namespace IsVit.Core.Quantization;

/// <summary>What a calibrated quantizer knows, in plain values: it can be written to a file and read back on any device.</summary>
/// <param name="Scheme">The quantizer's <see cref="IQuantizer.Scheme"/>.</param>
/// <param name="Bits">The number of bits of a code.</param>
/// <param name="Granularity">Which elements share one set of parameters.</param>
/// <param name="Values">Named float64 vectors: one entry per tensor, or one an channel, e.g. <c>scale</c> and <c>zero_point</c>. float64 holds every float32 exactly.</param>
/// <param name="Options">Named settings that change what codes mean, e.g. <c>levels</c> of a shift-uniform-log2 quantizer.</param>
public sealed record QuantizationParameters(
    string Scheme,
    BitWidth Bits,
    Granularity Granularity,
    IReadOnlyDictionary<string, IReadOnlyList<double>> Values,
    IReadOnlyDictionary<string, string> Options)
{
    /// <summary>A vector by its name.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="QuantizationException">There is none of that name.</exception>
    public IReadOnlyList<double> Required(string name) => Values.TryGetValue(name, out var values)
        ? values
        : throw new QuantizationException($"Parameters of a '{Scheme}' quantizer lack '{name}'; they have {(Values.Count == 0 ? "none" : string.Join(", ", Values.Keys))}.");
}
