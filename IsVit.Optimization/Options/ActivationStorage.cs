namespace IsVit.Optimization.Options;

/// <summary>Where a unit's inputs and targets are kept while it is reconstructed.</summary>
public enum ActivationStorage
{
    /// <summary>In memory if they fit into the budget, else on disk. The result is the same.</summary>
    Automatic,

    /// <summary>In memory, as the model makes them. More than the budget allows is an error.</summary>
    Memory,

    /// <summary>In memory as bfloat16, half of float32's size. What flows on between units is rounded to it as well, so that the result differs a little.</summary>
    BFloat16,

    /// <summary>In files that are mapped into memory, as the model makes them: the system writes out what it needs the memory of. The result is that of <see cref="Memory"/>.</summary>
    Disk,
}
