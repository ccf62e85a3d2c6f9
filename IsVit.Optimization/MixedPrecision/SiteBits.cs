namespace IsVit.Optimization.MixedPrecision;

/// <summary>The bits of one site.</summary>
/// <param name="Site">The site and its sensitivity.</param>
/// <param name="Bits">The number of bits.</param>
public sealed record SiteBits(SiteSensitivity Site, int Bits)
{
    /// <summary>The divergence of the model's outputs when only this site is quantized, at these bits.</summary>
    public double Divergence => Site.At(Bits).Divergence;
}
