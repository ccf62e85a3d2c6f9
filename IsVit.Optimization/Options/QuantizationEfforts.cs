namespace IsVit.Optimization.Options;

/// <summary>Efforts to choose from, see <see cref="QuantizationOptions.Use(QuantizationEffort)"/>. docs/accuracy.md says what each takes and gives.</summary>
public static class QuantizationEfforts
{
    /// <summary>To see whether a model can be quantized at all, and about how well.</summary>
    public static QuantizationEffort Quick { get; } = new("quick", 128, 10, 32, 15);

    /// <summary>Most of the accuracy for a small part of the time.</summary>
    public static QuantizationEffort Balanced { get; } = new("balanced", 256, 100, 32, 60);

    /// <summary>The paper's images and steps (arXiv 2311.10126, section 5.1).</summary>
    public static QuantizationEffort Thorough { get; } = new("thorough", 1024, null, 64, 300);

    /// <summary>All of them, the least first.</summary>
    public static IReadOnlyList<QuantizationEffort> All { get; } = [Quick, Balanced, Thorough];
}
