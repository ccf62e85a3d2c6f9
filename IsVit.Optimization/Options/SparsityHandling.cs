namespace IsVit.Optimization.Options;

/// <summary>How the zeros of pruned layers are treated, such as two of every four weights (2:4 sparsity). A layer counts as pruned if at least a tenth of its weights are exactly 0.</summary>
public enum SparsityHandling
{
    /// <summary>Zero weights may become nonzero, which a warning reports. The most accurate.</summary>
    Warn,

    /// <summary>
    /// Zero weights of pruned layers stay 0: they are not rotated with their heads, not changed when weights compensate for rounded inputs, rounded to 0 whatever rounding errors the weights before them leave to be compensated (as in
    /// SparseGPT; Frantar and Alistarh, arXiv 2301.00774), and not trained. For kernels that skip zeros.
    /// </summary>
    Keep,
}
