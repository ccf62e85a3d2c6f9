namespace IsVit.Tool.Evaluation;

/// <summary>One of the likeliest classes of an image.</summary>
/// <param name="Path">The image.</param>
/// <param name="Rank">1 for the likeliest.</param>
/// <param name="Class">The class's number, from 0.</param>
/// <param name="Probability">0 to 1.</param>
/// <param name="FloatProbability">What the float model gives the same class; null if none was asked.</param>
internal sealed record Prediction(string Path, int Rank, int Class, double Probability, double? FloatProbability);
