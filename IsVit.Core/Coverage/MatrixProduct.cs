namespace IsVit.Core.Coverage;

/// <summary>One matrix product that ran in a forward: a linear layer, a convolution, a product of two activations, whether a module's or a function's.</summary>
/// <param name="Path">The innermost module that ran it; empty for the model itself.</param>
/// <param name="Operation">What ran, in libtorch's words, such as <c>matmul</c>, <c>addmm</c>, <c>convolution</c>; the module's name where libtorch was not listened to.</param>
/// <param name="LeftShape">The left operand's shape; a layer's input, a fused attention's queries.</param>
/// <param name="RightShape">The right operand's shape; the weight of a linear layer as [in, out], of a convolution as it is kept; a fused attention's keys.</param>
/// <param name="MultiplyAccumulates">The number of multiply-accumulate steps, for the whole batch.</param>
public sealed record MatrixProduct(string Path, string Operation, IReadOnlyList<long> LeftShape, IReadOnlyList<long> RightShape, long MultiplyAccumulates)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{(Path.Length == 0 ? "the model" : Path)}: {Operation} [{string.Join(", ", LeftShape)}] x [{string.Join(", ", RightShape)}]";
}
