namespace IsVit.Optimization.Options;

/// <summary>Where a unit's inputs and targets are kept while it is reconstructed.</summary>
public enum ActivationStorage
{
    /// <summary>In memory if they fit into the budget, otherwise on disk. The result is the same.</summary>
    Automatic,

    /// <summary>In memory, in the model's element type. Exceeding the budget is an error.</summary>
    Memory,

    /// <summary>In memory as bfloat16, half the size of float32. The activations passed on between units are rounded to bfloat16 as well, so the result differs slightly.</summary>
    BFloat16,

    /// <summary>In memory-mapped files, in the model's element type: the operating system writes pages out when it needs their memory. The result is the same as with <see cref="Memory"/>.</summary>
    Disk,
}
