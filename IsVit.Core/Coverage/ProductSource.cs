namespace IsVit.Core.Coverage;

/// <summary>Where a list of matrix products comes from.</summary>
public enum ProductSource
{
    /// <summary>Hooks: products of modules alone, which are linear layers, convolutions and matrix-product modules. Touches nothing but the model.</summary>
    Modules,

    /// <summary>
    /// libtorch, which on Linux tells of every operator that it runs: products of functions too, such as a <c>torch.matmul</c> inside a module's forward. For programs that own their process: meanwhile libtorch writes down what all threads
    /// run, and then gives the others 0.2 s to end what they are in the middle of, so that none of them may run an operator that takes longer. Elsewhere, and where it cannot be understood for what others run, as <see cref="Modules"/>.
    /// </summary>
    Operators,
}
