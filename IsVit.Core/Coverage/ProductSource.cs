namespace IsVit.Core.Coverage;

/// <summary>How matrix products are found.</summary>
public enum ProductSource
{
    /// <summary>By hooks: only products of modules, which are linear layers, convolutions and matrix-product modules. Does not affect anything outside the model.</summary>
    Modules,

    /// <summary>
    /// By libtorch, which on Linux can record every operator that it runs: includes products of functions, such as a <c>torch.matmul</c> inside a module's forward. For programs that control their whole process: meanwhile libtorch
    /// records the operators of all threads, and afterwards the other threads have 0.2 s to finish the operator that they are running, so none of them may run an operator that takes longer. On other systems, and where the record cannot
    /// be interpreted because of what other threads run, the same as <see cref="Modules"/>.
    /// </summary>
    Operators,
}
