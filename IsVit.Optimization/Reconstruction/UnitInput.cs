namespace IsVit.Optimization.Reconstruction;

/// <summary>Where a unit's input comes from while it is reconstructed. The target always comes from the float model.</summary>
public enum UnitInput
{
    /// <summary>From the float model, as in SOS stage 1.</summary>
    Full,

    /// <summary>From the quantized model, in which the units before it are already reconstructed, as in SOS stage 3.</summary>
    Quantized,
}
