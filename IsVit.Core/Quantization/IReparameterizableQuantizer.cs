using IsVit.Model.Quantization;

namespace IsVit.Core.Quantization;

/// <summary>A per-channel quantizer whose channels round to scaled and shifted copies of one grid, so that scales and shifts can move into the layers around a site (SOS stage 2; I&amp;S-ViT, arXiv 2311.10126, eq. 15-16).</summary>
public interface IReparameterizableQuantizer : IQuantizer
{
    /// <summary>The one grid, and what maps each channel's numbers to it.</summary>
    /// <param name="isLive">Of each channel, whether it carries numbers that vary; the grid is of the live channels' mean size.</param>
    /// <exception cref="QuantizationException">Not calibrated, or another number of channels.</exception>
    CommonGrid ToCommonGrid(IReadOnlyList<bool> isLive);
}
