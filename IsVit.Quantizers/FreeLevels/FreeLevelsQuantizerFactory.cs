using IsVit.Core.Quantization;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>Makes quantizers of free levels.</summary>
public sealed class FreeLevelsQuantizerFactory : IQuantizerFactory
{
    /// <inheritdoc/>
    public string Scheme => FreeLevelsQuantizer.SchemeName;

    /// <inheritdoc/>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        SpecCheck.SchemeIs(spec, Scheme);
        return new FreeLevelsQuantizer(spec.Bits, spec.Granularity);
    }
}
