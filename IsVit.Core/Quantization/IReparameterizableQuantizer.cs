using IsVit.Model.Quantization;

namespace IsVit.Core.Quantization;

/// <summary>
/// A per-channel quantizer whose channels round to scaled and shifted copies of one grid, so that scales and shifts can be folded into the layers around a site (SOS stage 2; I&amp;S-ViT, arXiv 2311.10126, eq. 15-16).
/// </summary>
public interface IReparameterizableQuantizer : IQuantizer
{
    /// <summary>Returns the common grid, and the factors and shifts that map each channel's values to it.</summary>
    /// <param name="isLive">For each channel, whether its values vary; the grid has the mean size of these channels.</param>
    /// <exception cref="QuantizationException">The quantizer is not calibrated, or the number of channels differs.</exception>
    CommonGrid ToCommonGrid(IReadOnlyList<bool> isLive);
}
