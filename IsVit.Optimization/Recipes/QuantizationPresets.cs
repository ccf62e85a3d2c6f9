using IsVit.Optimization.Options;

namespace IsVit.Optimization.Recipes;

/// <summary>Presets for models that run on integer kernels, see <see cref="QuantizationOptions.Use(QuantizationPreset)"/>.</summary>
public static class QuantizationPresets
{
    /// <summary>8-bit weights and activations: the fastest option on integer kernels, with outputs hardly distinguishable from the float model's.</summary>
    public static QuantizationPreset W8A8 { get; } = new("w8a8", RecipeNames.IntegerArithmetic, 8, 8);

    /// <summary>7-bit weights, 8-bit activations: computed exactly on processors with AVX2 or AVX-512 but without VNNI, and fastest there.</summary>
    public static QuantizationPreset W7A8 { get; } = new("w7a8", RecipeNames.IntegerArithmetic, 7, 8);

    /// <summary>4-bit weights, 8-bit activations: the size of 4 bits with the speed of integer kernels.</summary>
    public static QuantizationPreset W4A8 { get; } = new("w4a8", RecipeNames.IntegerArithmetic, 4, 8);

    /// <summary>4-bit weights, float activations: reduces only the size.</summary>
    public static QuantizationPreset W4A16 { get; } = new("w4a16", RecipeNames.WeightOnly, 4, null);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<QuantizationPreset> All { get; } = [W8A8, W7A8, W4A8, W4A16];
}
