namespace IsVit.Optimization.Reporting;

/// <summary>What a run did.</summary>
/// <param name="Recipe">The recipe's name.</param>
/// <param name="WeightBits">Bits of weights.</param>
/// <param name="ActivationBits">Bits of activations; <see cref="FloatActivationBits"/> where the recipe leaves them in float.</param>
/// <param name="Seed">The seed.</param>
/// <param name="ImageCount">How many calibration images were used.</param>
/// <param name="Stages">Each stage, in order.</param>
/// <param name="Units">Each unit of each reconstruction, in order.</param>
/// <param name="CacheBytes">The most that a unit's inputs and targets took in memory, in bytes.</param>
/// <param name="Duration">The whole run's time, scores included.</param>
public sealed record QuantizationReport(
    string Recipe,
    int WeightBits,
    int ActivationBits,
    int Seed,
    int ImageCount,
    IReadOnlyList<StageResult> Stages,
    IReadOnlyList<UnitResult> Units,
    long CacheBytes,
    TimeSpan Duration)
{
    /// <summary>What stands for activations in float: W4A16, as the field calls quantized weights alone, whatever float type they have.</summary>
    public const int FloatActivationBits = 16;
}
