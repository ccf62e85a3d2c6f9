namespace IsVit.Core.Coverage;

/// <summary>One matrix product computed in a forward pass: a linear layer, a convolution, or a product of two activations, whether of a module or of a function.</summary>
/// <param name="Path">The path of the innermost module that ran it; empty for the model itself.</param>
/// <param name="Operation">The operator's name in libtorch, such as <c>matmul</c>, <c>addmm</c>, <c>convolution</c>; the module's name if libtorch's operators were not recorded.</param>
/// <param name="LeftShape">The left operand's shape: a layer's input, or a fused attention's queries.</param>
/// <param name="RightShape">The right operand's shape: the weight of a linear layer as [in, out], that of a convolution as stored, or a fused attention's keys.</param>
/// <param name="MultiplyAccumulates">The number of multiply-accumulates, for the whole batch.</param>
public sealed record MatrixProduct(string Path, string Operation, IReadOnlyList<long> LeftShape, IReadOnlyList<long> RightShape, long MultiplyAccumulates)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{(Path.Length == 0 ? "the model" : Path)}: {Operation} [{string.Join(", ", LeftShape)}] x [{string.Join(", ", RightShape)}]";
}
