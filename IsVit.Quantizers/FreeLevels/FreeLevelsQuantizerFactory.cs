using IsVit.Core.Quantization;
using IsVit.Model.Quantization;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>Creates quantizers of free levels: one table per tensor, or one that is scaled and shifted for each channel.</summary>
public sealed class FreeLevelsQuantizerFactory : IQuantizerFactory
{
    /// <inheritdoc/>
    public string Scheme => FreeLevelsQuantizer.SchemeName;

    /// <inheritdoc/>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        SpecCheck.SchemeIs(spec, Scheme);
        return spec.Granularity is Granularity.PerChannel ? new ScaledLevelsQuantizer(spec.Bits, spec.Granularity) : new FreeLevelsQuantizer(spec.Bits, spec.Granularity);
    }
}
