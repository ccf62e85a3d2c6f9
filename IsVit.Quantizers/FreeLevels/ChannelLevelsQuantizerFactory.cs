using IsVit.Core.Quantization;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>Creates quantizers with a table of levels for each channel.</summary>
public sealed class ChannelLevelsQuantizerFactory : IQuantizerFactory
{
    /// <inheritdoc/>
    public string Scheme => ChannelLevelsQuantizer.SchemeName;

    /// <inheritdoc/>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        SpecCheck.SchemeIs(spec, Scheme);
        return new ChannelLevelsQuantizer(spec.Bits, spec.Granularity);
    }
}
