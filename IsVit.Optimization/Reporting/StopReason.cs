namespace IsVit.Optimization.Reporting;

/// <summary>Why the reconstruction of a unit ended.</summary>
public enum StopReason
{
    /// <summary>All iterations were completed.</summary>
    Completed,

    /// <summary>The loss became infinite or NaN; the best earlier state was kept.</summary>
    Diverged,

    /// <summary>The unit has no quantized site or no weight, so there was nothing to do.</summary>
    NothingToDo,

    /// <summary>The unit was loaded from the checkpoint of an earlier run.</summary>
    Resumed,
}
