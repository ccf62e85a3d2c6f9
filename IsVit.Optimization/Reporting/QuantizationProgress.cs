using IsVit.Core.Html;

namespace IsVit.Optimization.Reporting;

/// <summary>The progress of a run.</summary>
[TypeFormatterSource(typeof(QuantizationProgressFormatter))]
public sealed record QuantizationProgress
{
    /// <summary>The stage's name.</summary>
    public required string Stage { get; init; }

    /// <summary>The stage's index, from 0.</summary>
    public required int StageIndex { get; init; }

    /// <summary>How many stages there are.</summary>
    public required int StageCount { get; init; }

    /// <summary>The unit's path, while a unit is being reconstructed.</summary>
    public string? Unit { get; init; }

    /// <summary>The unit's index, from 0.</summary>
    public required int UnitIndex { get; init; }

    /// <summary>How many units there are.</summary>
    public required int UnitCount { get; init; }

    /// <summary>The number of iterations completed for this unit.</summary>
    public required int Iteration { get; init; }

    /// <summary>The total number of iterations for this unit.</summary>
    public required int Iterations { get; init; }

    /// <summary>The loss of the last iteration, if there was one.</summary>
    public double? Loss { get; init; }

    /// <summary>Time since the run began.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>An estimate of the remaining time, available after the first iterations.</summary>
    public TimeSpan? Remaining { get; init; }

    /// <summary>The share of the run's work that is done, 0 to 1, by what stages say that they cost.</summary>
    public double Share { get; init; }
}
