
namespace IsVit.Optimization.Reporting;

/// <summary>How far a run has come.</summary>
/// <param name="Stage">The stage's name.</param>
/// <param name="StageIndex">The stage's number, from 0.</param>
/// <param name="StageCount">How many stages there are.</param>
/// <param name="Unit">The unit's path, while a unit is being reconstructed.</param>
/// <param name="UnitIndex">The unit's number, from 0.</param>
/// <param name="UnitCount">How many units there are.</param>
/// <param name="Iteration">Steps made in this unit.</param>
/// <param name="Iterations">Steps to make in this unit.</param>
/// <param name="Loss">The last step's loss, if one was made.</param>
/// <param name="Elapsed">Time since the run began.</param>
/// <param name="Remaining">An estimate of the time to the end, once steps were made.</param>
public sealed record QuantizationProgress(
    string Stage,
    int StageIndex,
    int StageCount,
    string? Unit,
    int UnitIndex,
    int UnitCount,
    int Iteration,
    int Iterations,
    double? Loss,
    TimeSpan Elapsed,
    TimeSpan? Remaining);
