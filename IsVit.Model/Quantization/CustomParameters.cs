namespace IsVit.Model.Quantization;

/// <summary>The parameters of a scheme that is not one of the library's: named vectors and settings, which its quantizer interprets.</summary>
public sealed class CustomParameters : QuantizationParameters
{
    /// <summary>Creates parameters.</summary>
    /// <param name="scheme">The name of the scheme.</param>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Which elements share one set of parameters.</param>
    /// <param name="values">Named vectors: one entry per tensor, or one for each set. float64 holds every float32 exactly.</param>
    /// <param name="options">Named settings that change the meaning of codes, or null for none.</param>
    public CustomParameters(
        string scheme,
        BitWidth bits,
        Granularity granularity,
        IReadOnlyDictionary<string, IReadOnlyList<double>> values,
        IReadOnlyDictionary<string, string>? options = null)
        : this(new NamedParameters(scheme, bits, granularity, values ?? throw new ArgumentNullException(nameof(values)), options ?? NamedParameters.NoOptions))
    {
    }

    internal CustomParameters(NamedParameters named)
        : base(named)
    {
    }

    /// <summary>The length of the longest vector; 1 for one set of parameters per tensor.</summary>
    public override int SetCount => Granularity is Granularity.PerTensor ? 1 : Values.Values.Select(static values => values.Count).DefaultIfEmpty(1).Max();

    private protected override void Fill(int set, Span<float> levels) =>
        throw new QuantizationException($"What the codes of the scheme '{Scheme}' stand for is known to its quantizer alone.");
}
