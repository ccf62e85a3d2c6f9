namespace IsVit.Optimization.Reporting;

/// <summary>What a stage took and gave.</summary>
/// <param name="Name">The stage's name.</param>
/// <param name="Duration">Its time, without the score.</param>
/// <param name="Score">The model's score after it, if one was asked for, see <see cref="QuantizationRun.Evaluate"/>.</param>
public sealed record StageResult(string Name, TimeSpan Duration, double? Score);
