
namespace IsVit.Optimization.Reporting;

/// <summary>What the reconstruction of one unit in one stage did.</summary>
public sealed record UnitResult
{
    /// <summary>The unit's path.</summary>
    public required string Unit { get; init; }

    /// <summary>The stage's name.</summary>
    public required string Stage { get; init; }

    /// <summary>The loss over all calibration images before.</summary>
    public required double LossBefore { get; init; }

    /// <summary>The loss over all calibration images with the state that was kept; never above <see cref="LossBefore"/>.</summary>
    public required double LossAfter { get; init; }

    /// <summary>The steps made.</summary>
    public required int Iterations { get; init; }

    /// <summary>The time taken, collecting inputs and targets included.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Why it ended.</summary>
    public required StopReason StopReason { get; init; }
}
