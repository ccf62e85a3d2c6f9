namespace IsVit.Reports.Contents;

/// <summary>How far a unit's output is from the float model's.</summary>
/// <param name="Unit">Its path in the model.</param>
/// <param name="RelativeError">The squared error, divided by the variance of the float model's output; everything before the unit is quantized too.</param>
public sealed record UnitError(string Unit, double RelativeError);
