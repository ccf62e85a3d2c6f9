using IsVit.Core.Quantization;

namespace IsVit.Quantizers.LogSqrt2;

/// <summary>Creates log-sqrt2 quantizers.</summary>
public sealed class LogSqrt2QuantizerFactory : IQuantizerFactory
{
    /// <inheritdoc/>
    public string Scheme => LogSqrt2Quantizer.SchemeName;

    /// <inheritdoc/>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        SpecCheck.SchemeIs(spec, Scheme);
        return new LogSqrt2Quantizer(spec.Bits, spec.Granularity);
    }
}
