namespace IsVit.Optimization.Options;

/// <summary>Predefined efforts, see <see cref="QuantizationOptions.Use(QuantizationEffort)"/>. docs/accuracy.md lists the duration and accuracy of each.</summary>
public static class QuantizationEfforts
{
    /// <summary>Shows whether a model can be quantized at all, and roughly how well.</summary>
    public static QuantizationEffort Quick { get; } = new("quick", 128, 10, 32, 15);

    /// <summary>Most of the accuracy in a small part of the time.</summary>
    public static QuantizationEffort Balanced { get; } = new("balanced", 256, 100, 32, 60);

    /// <summary>The paper's numbers of images and iterations (arXiv 2311.10126, section 5.1).</summary>
    public static QuantizationEffort Thorough { get; } = new("thorough", 1024, null, 64, 300);

    /// <summary>All of them, in ascending order of effort.</summary>
    public static IReadOnlyList<QuantizationEffort> All { get; } = [Quick, Balanced, Thorough];
}
