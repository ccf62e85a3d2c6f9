namespace IsVit.Optimization.Recipes;

/// <summary>A recipe together with its bit widths, for a purpose.</summary>
/// <param name="Name">Its name, such as <c>w8a8</c>.</param>
/// <param name="Recipe">The recipe.</param>
/// <param name="WeightBits">Number of bits of weights, 2 to 8.</param>
/// <param name="ActivationBits">Number of bits of activations, 2 to 8; null if they stay in float.</param>
public sealed record QuantizationPreset(string Name, string Recipe, int WeightBits, int? ActivationBits);
