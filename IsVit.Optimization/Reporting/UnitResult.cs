
namespace IsVit.Optimization.Reporting;

/// <summary>The result of reconstructing one unit in one stage.</summary>
public sealed record UnitResult
{
    /// <summary>The unit's path.</summary>
    public required string Unit { get; init; }

    /// <summary>The stage's name.</summary>
    public required string Stage { get; init; }

    /// <summary>The loss over the held-out calibration images before the reconstruction; over all of them where none is held out.</summary>
    public required double LossBefore { get; init; }

    /// <summary>The loss over the same images with the state that was kept; never above <see cref="LossBefore"/>.</summary>
    public required double LossAfter { get; init; }

    /// <summary>The number of iterations completed.</summary>
    public required int Iterations { get; init; }

    /// <summary>The duration, including collecting inputs and targets.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Why the reconstruction ended.</summary>
    public required StopReason StopReason { get; init; }
}
