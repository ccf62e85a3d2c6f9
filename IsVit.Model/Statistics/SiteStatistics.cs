namespace IsVit.Model.Statistics;

/// <summary>A site's activations on calibration images, and how far samples of these images lie apart.</summary>
/// <param name="Site">The site.</param>
/// <param name="Activations">What its quantizer read.</param>
/// <param name="ShiftNoise">
/// The shift of code shares that chance does not exceed, for one image against one of infinitely many: two samples of n and m of the same images differ by at most
/// <c>ShiftNoise * sqrt(1/n + 1/m)</c>.
/// </param>
/// <param name="ClippedNoise">The same for the change of the clipped shares.</param>
public sealed record SiteStatistics(Site Site, ActivationStatistics Activations, double ShiftNoise, double ClippedNoise);
