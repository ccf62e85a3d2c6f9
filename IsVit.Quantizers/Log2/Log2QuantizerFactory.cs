using IsVit.Core.Quantization;

namespace IsVit.Quantizers.Log2;

/// <summary>Makes log2 quantizers.</summary>
public sealed class Log2QuantizerFactory : IQuantizerFactory
{
    /// <inheritdoc/>
    public string Scheme => Log2Quantizer.SchemeName;

    /// <inheritdoc/>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        SpecCheck.SchemeIs(spec, Scheme);
        return new Log2Quantizer(spec.Bits, spec.Granularity);
    }
}
