namespace IsVit.Optimization.Options;

/// <summary>How much work a run may be, see <see cref="QuantizationEfforts"/>.</summary>
/// <param name="Name">What it is called, such as <c>balanced</c>.</param>
/// <param name="ImageCount">How many calibration images to give, and from how many statistics are taken.</param>
/// <param name="Iterations">Steps a unit and stage; null for the paper's, 1000 up to 4 bits and 200 above.</param>
/// <param name="BatchSize">Images in a step.</param>
/// <param name="TuningSteps">Steps of the whole model at the end.</param>
public sealed record QuantizationEffort(string Name, int ImageCount, int? Iterations, int BatchSize, int TuningSteps);
