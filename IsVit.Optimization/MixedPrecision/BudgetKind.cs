namespace IsVit.Optimization.MixedPrecision;

/// <summary>What a <see cref="BitBudget"/> limits.</summary>
public enum BudgetKind
{
    /// <summary>The mean bits of the weights' numbers, and likewise those of the activations' numbers: each of the two at most so many.</summary>
    MeanBits,

    /// <summary>
    /// The bytes of the model's parameters: codes of quantized weights, everything else as it is. Scales, names and checksums of a file come on top. Activations keep the bits that the options give them.
    /// </summary>
    WeightBytes,

    /// <summary>
    /// Bit operations, the sum over matrix products of multiply-accumulate steps times the bits of the one operand times those of the other (as in HAWQ-V3, Yao et al., arXiv 2011.10680), as a part of those of the bits that
    /// the options give. Sites whose product no module shows keep their bits.
    /// </summary>
    BitOperations,
}
