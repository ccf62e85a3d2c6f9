namespace IsVit.Optimization.MixedPrecision;

/// <summary>The bits of one site.</summary>
/// <param name="Site">The site and its sensitivity.</param>
/// <param name="Bits">The number of bits.</param>
public sealed record SiteBits(SiteSensitivity Site, int Bits)
{
    /// <summary>The divergence of the model's outputs that quantizing this site alone at these bits gives.</summary>
    public double Divergence => Site.At(Bits).Divergence;
}
