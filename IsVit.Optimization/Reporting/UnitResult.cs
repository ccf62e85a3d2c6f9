
namespace IsVit.Optimization.Reporting;

/// <summary>What the reconstruction of one unit in one stage did.</summary>
/// <param name="Unit">The unit's path.</param>
/// <param name="Stage">The stage's name.</param>
/// <param name="LossBefore">The loss over all calibration images before.</param>
/// <param name="LossAfter">The loss over all calibration images with the state that was kept; never above <paramref name="LossBefore"/>.</param>
/// <param name="Iterations">The steps made.</param>
/// <param name="Duration">The time taken, collecting inputs and targets included.</param>
/// <param name="StopReason">Why it ended.</param>
public sealed record UnitResult(
    string Unit,
    string Stage,
    double LossBefore,
    double LossAfter,
    int Iterations,
    TimeSpan Duration,
    StopReason StopReason);
