using IsVit.Core.Quantization;

namespace IsVit.Quantizers.TwinUniform;

/// <summary>Creates twin uniform quantizers.</summary>
public sealed class TwinUniformQuantizerFactory : IQuantizerFactory
{
    /// <inheritdoc/>
    public string Scheme => TwinUniformQuantizer.SchemeName;

    /// <inheritdoc/>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        SpecCheck.SchemeIs(spec, Scheme);
        return new TwinUniformQuantizer(spec.Bits, spec.Granularity);
    }
}
