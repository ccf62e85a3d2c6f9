namespace IsVit.Optimization.Options;

/// <summary>How much computation a run may take, see <see cref="QuantizationEfforts"/>.</summary>
/// <param name="Name">Its name, such as <c>balanced</c>.</param>
/// <param name="ImageCount">The number of calibration images to use, and the number that statistics are taken from.</param>
/// <param name="Iterations">Iterations per unit and stage; null for the paper's, 1000 up to 4 bits and 200 above.</param>
/// <param name="BatchSize">Images per iteration.</param>
/// <param name="TuningSteps">Iterations of tuning the whole model at the end.</param>
public sealed record QuantizationEffort(string Name, int ImageCount, int? Iterations, int BatchSize, int TuningSteps);
