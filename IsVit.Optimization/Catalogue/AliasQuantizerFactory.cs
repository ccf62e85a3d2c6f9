using IsVit.Core.Quantization;

namespace IsVit.Optimization.Catalogue;

/// <summary>Gives a factory a second name, so that a recipe can ask for the same scheme with other settings, e.g. <c>uniform-minmax</c>.</summary>
/// <param name="scheme">The name that specs ask for. The quantizers keep their own.</param>
/// <param name="inner">The factory.</param>
internal sealed class AliasQuantizerFactory(string scheme, IQuantizerFactory inner) : IQuantizerFactory
{
    /// <inheritdoc/>
    public string Scheme => scheme;

    /// <inheritdoc/>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return inner.Create(spec with { Scheme = inner.Scheme }, isWeight);
    }
}
