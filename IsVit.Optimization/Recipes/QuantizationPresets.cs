using IsVit.Optimization.Options;

namespace IsVit.Optimization.Recipes;

/// <summary>Presets for models that run on integer kernels, see <see cref="QuantizationOptions.Use(QuantizationPreset)"/>.</summary>
public static class QuantizationPresets
{
    /// <summary>Weights and activations of 8 bits: as fast as integer kernels go, and hardly to be told from the float model.</summary>
    public static QuantizationPreset W8A8 { get; } = new("w8a8", RecipeNames.IntegerArithmetic, 8, 8);

    /// <summary>Weights of 7 bits, activations of 8: what processors with AVX2 or AVX-512 but without VNNI multiply exactly, and fastest.</summary>
    public static QuantizationPreset W7A8 { get; } = new("w7a8", RecipeNames.IntegerArithmetic, 7, 8);

    /// <summary>Weights of 4 bits, activations of 8: the size of 4 bits and the speed of integer kernels.</summary>
    public static QuantizationPreset W4A8 { get; } = new("w4a8", RecipeNames.IntegerArithmetic, 4, 8);

    /// <summary>Weights of 4 bits, activations in float: for the size alone.</summary>
    public static QuantizationPreset W4A16 { get; } = new("w4a16", RecipeNames.WeightOnly, 4, null);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<QuantizationPreset> All { get; } = [W8A8, W7A8, W4A8, W4A16];
}
