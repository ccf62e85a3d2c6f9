namespace IsVit.Optimization.Recipes;

/// <summary>A recipe with its bits, for a purpose.</summary>
/// <param name="Name">What it is called, such as <c>w8a8</c>.</param>
/// <param name="Recipe">The recipe.</param>
/// <param name="WeightBits">Bits of weights, 2 to 8.</param>
/// <param name="ActivationBits">Bits of activations, 2 to 8; null where they stay in float.</param>
public sealed record QuantizationPreset(string Name, string Recipe, int WeightBits, int? ActivationBits);
