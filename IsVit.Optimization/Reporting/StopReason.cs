namespace IsVit.Optimization.Reporting;

/// <summary>Why the reconstruction of a unit ended.</summary>
public enum StopReason
{
    /// <summary>All steps were made.</summary>
    Completed,

    /// <summary>The loss became infinite or not a number; the best state before was kept.</summary>
    Diverged,

    /// <summary>The unit has no quantized site or no weight, so there was nothing to do.</summary>
    NothingToDo,

    /// <summary>The unit was taken over from an earlier run's checkpoint.</summary>
    Resumed,
}
