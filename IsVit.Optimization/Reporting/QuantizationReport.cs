namespace IsVit.Optimization.Reporting;

/// <summary>What a run did.</summary>
public sealed record QuantizationReport
{
    /// <summary>The recipe's name.</summary>
    public required string Recipe { get; init; }

    /// <summary>Bits of weights.</summary>
    public required int WeightBits { get; init; }

    /// <summary>Bits of activations; <see cref="FloatActivationBits"/> where the recipe leaves them in float.</summary>
    public required int ActivationBits { get; init; }

    /// <summary>The seed.</summary>
    public required int Seed { get; init; }

    /// <summary>How many calibration images were used.</summary>
    public required int ImageCount { get; init; }

    /// <summary>Each stage, in order.</summary>
    public required IReadOnlyList<StageResult> Stages { get; init; }

    /// <summary>Each unit of each reconstruction, in order.</summary>
    public required IReadOnlyList<UnitResult> Units { get; init; }

    /// <summary>The most that a unit's inputs and targets took in memory, in bytes.</summary>
    public required long CacheBytes { get; init; }

    /// <summary>The whole run's time, scores included.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>What stands for activations in float: W4A16, as the field calls quantized weights alone, whatever float type they have.</summary>
    public const int FloatActivationBits = 16;
}
