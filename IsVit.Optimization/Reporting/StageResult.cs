namespace IsVit.Optimization.Reporting;

/// <summary>The duration and the score of a stage.</summary>
/// <param name="Name">The stage's name.</param>
/// <param name="Duration">Its duration, without computing the score.</param>
/// <param name="Score">The model's score after the stage, if requested, see <see cref="QuantizationRun.Evaluate"/>.</param>
public sealed record StageResult(string Name, TimeSpan Duration, double? Score);
