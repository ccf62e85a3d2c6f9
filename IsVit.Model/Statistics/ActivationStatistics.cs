namespace IsVit.Model.Statistics;

/// <summary>Statistics of the inputs of a site's quantizer while some images ran through the quantized model.</summary>
/// <param name="Mean">The mean of all elements.</param>
/// <param name="StandardDeviation">Their standard deviation.</param>
/// <param name="ClippedLow">The share of elements below the quantizer's range, 0 to 1: those that are clamped to its lower end and receive no gradient.</param>
/// <param name="ClippedHigh">The share of elements above its range, 0 to 1.</param>
/// <param name="CodeShares">The share of elements that each code has, 2^b entries whose sum is 1.</param>
public sealed record ActivationStatistics(double Mean, double StandardDeviation, double ClippedLow, double ClippedHigh, IReadOnlyList<float> CodeShares);
