namespace IsVit.Core.Quantization;

/// <summary>A per-channel quantizer as one grid for all channels: channel c's code of x is the code of (x + shift[c]) / ratio[c], and x' = ratio[c] times what that code stands for, less shift[c].</summary>
/// <param name="Quantizer">The grid, per tensor; the receiver's to dispose.</param>
/// <param name="Ratios">How many times the grid's size each channel's is (eq. 15, r1), positive.</param>
/// <param name="Shifts">What is added to each channel (eq. 16, s r2).</param>
public sealed record CommonGrid(IQuantizer Quantizer, IReadOnlyList<double> Ratios, IReadOnlyList<double> Shifts);
