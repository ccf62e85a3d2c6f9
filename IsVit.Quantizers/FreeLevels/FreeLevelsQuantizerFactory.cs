using IsVit.Core.Quantization;
using IsVit.Model.Quantization;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>Makes quantizers of free levels: a table for a tensor, or one that each channel scales and shifts.</summary>
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
