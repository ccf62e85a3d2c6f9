namespace IsVit.Optimization.Options;

/// <summary>What becomes of the zeros of layers that were pruned, such as two of every four weights. A layer counts as pruned where at least a tenth of its weights are exactly 0.</summary>
public enum SparsityHandling
{
    /// <summary>Weights that are 0 may become others, which a warning says. The most accurate.</summary>
    Warn,

    /// <summary>
    /// Weights of pruned layers that are 0 stay 0: they are not rotated with their heads, not changed when weights make up for rounded inputs, rounded to 0 whatever the weights before them leave to make up for (as in SparseGPT; Frantar and
    /// Alistarh, arXiv 2301.00774), and not trained. For kernels that skip zeros.
    /// </summary>
    Keep,
}
