namespace IsVit.Optimization.MixedPrecision;

/// <summary>What a <see cref="BitBudget"/> limits.</summary>
public enum BudgetKind
{
    /// <summary>The mean number of bits of the weights' elements and, separately, that of the activations' elements: neither may exceed the limit.</summary>
    MeanBits,

    /// <summary>
    /// The size of the model's parameters in bytes: the codes of quantized weights, and everything else unquantized. Scales, names and checksums of a file are not included. Activations keep the bits that the options set.
    /// </summary>
    WeightBytes,

    /// <summary>
    /// Bit operations: the sum over matrix products of multiply-accumulates times the bits of one operand times the bits of the other (as in HAWQ-V3, Yao et al., arXiv 2011.10680), as a fraction of those at the bits that
    /// the options set. Sites whose product is not shown by a module keep their bits.
    /// </summary>
    BitOperations,
}
