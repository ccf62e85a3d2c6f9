using IsVit.Core.Arithmetic;
using IsVit.Core.Models;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Arithmetic;

public sealed class BatchedProductTests
{
    [Theory]
    [InlineData(new long[] { 5, 7 }, new long[] { 7, 3 })]
    [InlineData(new long[] { 5, 7 }, new long[] { 7 })]
    [InlineData(new long[] { 7 }, new long[] { 7 })]
    [InlineData(new long[] { 7 }, new long[] { 7, 3 })]
    [InlineData(new long[] { 7 }, new long[] { 2, 7, 3 })]
    [InlineData(new long[] { 2, 4, 5, 7 }, new long[] { 7, 3 })]
    [InlineData(new long[] { 2, 5, 7 }, new long[] { 7 })]
    [InlineData(new long[] { 4, 5, 7 }, new long[] { 4, 7, 3 })]
    [InlineData(new long[] { 2, 4, 5, 7 }, new long[] { 2, 4, 7, 3 })]
    [InlineData(new long[] { 2, 1, 5, 7 }, new long[] { 4, 7, 3 })]
    [InlineData(new long[] { 5, 7 }, new long[] { 2, 4, 7, 3 })]
    [InlineData(new long[] { 2, 0, 5, 7 }, new long[] { 2, 0, 7, 3 })]
    public void Of_ShapesThatFit_IsMatmulWithItsDerivatives(long[] left, long[] right)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Seeded.Normal(1, left).requires_grad_(true), Seeded.Normal(2, right).requires_grad_(true));

        var product = BatchedProduct.Of(x, y);

        var expected = matmul(x, y);
        TensorAssert.Close(expected, product);
        var weights = Seeded.Normal(3, expected.shape);
        var (found, wanted) = (Derivatives.Of(product.mul(weights).sum(), [x, y]), Derivatives.Of(expected.mul(weights).sum(), [x, y]));
        TensorAssert.Close(wanted[0]!, found[0]!);
        TensorAssert.Close(wanted[1]!, found[1]!);
    }

    [Fact]
    public void Of_OperandsInAnotherOrderInMemory_IsMatmul()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Seeded.Normal(1, 2, 5, 4, 7).transpose(1, 2), Seeded.Normal(2, 2, 4, 3, 7).transpose(2, 3));

        TensorAssert.Identical(matmul(x, y), BatchedProduct.Of(x, y));
    }

    /// <summary>With TorchSharp's own product this ends the process.</summary>
    [Theory]
    [InlineData(new long[] { 5, 7 }, new long[] { 6, 3 })]
    [InlineData(new long[] { 2, 5, 7 }, new long[] { 6, 3 })]
    [InlineData(new long[] { 2, 5, 7 }, new long[] { 2, 6, 3 })]
    [InlineData(new long[] { 2, 5, 7 }, new long[] { 3, 7, 3 })]
    [InlineData(new long[] { 1L << 31, 1 }, new long[] { 1, 1L << 31 })]
    public void MatMul_ShapesThatDoNotFitOrNoMemory_Throws(long[] left, long[] right)
    {
        using var scope = NewDisposeScope();
        using var module = new MatMul();
        var (x, y) = (empty(1).expand(left), empty(1).expand(right));

        Assert.ThrowsAny<Exception>(() => module.call(x, y));
    }
}
