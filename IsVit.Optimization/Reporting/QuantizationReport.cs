using IsVit.Core.Html;

namespace IsVit.Optimization.Reporting;

/// <summary>The report of a run.</summary>
[TypeFormatterSource(typeof(QuantizationReportFormatter))]
public sealed record QuantizationReport
{
    /// <summary>The recipe's name.</summary>
    public required string Recipe { get; init; }

    /// <summary>Number of bits of weights.</summary>
    public required int WeightBits { get; init; }

    /// <summary>Number of bits of activations; <see cref="FloatActivationBits"/> if the recipe leaves them in float.</summary>
    public required int ActivationBits { get; init; }

    /// <summary>The seed.</summary>
    public required int Seed { get; init; }

    /// <summary>How many calibration images were used.</summary>
    public required int ImageCount { get; init; }

    /// <summary>The result of each stage, in order.</summary>
    public required IReadOnlyList<StageResult> Stages { get; init; }

    /// <summary>The result of each unit in each reconstruction, in order.</summary>
    public required IReadOnlyList<UnitResult> Units { get; init; }

    /// <summary>The largest size in memory of a unit's inputs and targets, in bytes.</summary>
    public required long CacheBytes { get; init; }

    /// <summary>The duration of the whole run, including scores.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>The number of bits reported for float activations: weight-only quantization is conventionally written W4A16, whatever the float type.</summary>
    public const int FloatActivationBits = 16;
}
