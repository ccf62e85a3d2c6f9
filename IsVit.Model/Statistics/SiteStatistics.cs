namespace IsVit.Model.Statistics;

/// <summary>A site's activations on calibration images, and how much samples of these images differ from each other.</summary>
/// <param name="Site">The site.</param>
/// <param name="Activations">The statistics of its quantizer's inputs.</param>
/// <param name="ShiftNoise">
/// The largest shift of code shares that is attributed to chance, for one image compared with infinitely many: two samples of n and m of the same images differ by at most
/// <c>ShiftNoise * sqrt(1/n + 1/m)</c>.
/// </param>
/// <param name="ClippedNoise">The same bound for the change of the clipped shares.</param>
public sealed record SiteStatistics(Site Site, ActivationStatistics Activations, double ShiftNoise, double ClippedNoise);
