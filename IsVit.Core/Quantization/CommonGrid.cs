namespace IsVit.Core.Quantization;

/// <summary>
/// A per-channel quantizer as one grid for all channels: channel c's code of x is the grid's code of (x + shift[c]) / ratio[c], and x' = ratio[c] times the dequantized value of that code, minus shift[c].
/// </summary>
/// <param name="Quantizer">The per-tensor grid; the receiver disposes it.</param>
/// <param name="Ratios">The size of each channel's grid as a multiple of the common one (eq. 15, r1), positive.</param>
/// <param name="Shifts">The value that is added to each channel (eq. 16, s r2).</param>
public sealed record CommonGrid(IQuantizer Quantizer, IReadOnlyList<double> Ratios, IReadOnlyList<double> Shifts);
