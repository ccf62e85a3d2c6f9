using IsVit.Optimization.HeadRotation;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.HeadRotation;

public sealed class RandomRotationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(12)]
    [InlineData(64)]
    [InlineData(80)]
    public void Create_AnyWidth_IsOrthogonal(int width)
    {
        using var scope = NewDisposeScope();

        var rotation = RandomRotation.Create(width, new Random(1));

        TensorAssert.Close(eye(width, dtype: float64), rotation.matmul(rotation.transpose(0, 1)), new Tolerance(0, 1e-13));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(64)]
    public void Create_PowerOfTwo_SpreadsEveryChannelEvenly(int width)
    {
        using var scope = NewDisposeScope();

        var rotation = RandomRotation.Create(width, new Random(1));

        TensorAssert.Close(full([width, width], 1 / Math.Sqrt(width), dtype: float64), rotation.abs(), new Tolerance(1e-15, 0));
    }

    // The mean of many is zero only if no sign is preferred, which a QR without the signs of R is not.
    [Fact]
    public void Create_ManyOfOneWidth_PreferNoDirection()
    {
        using var scope = NewDisposeScope();
        var random = new Random(2);

        var mean = stack(Enumerable.Range(0, 4000).Select(_ => RandomRotation.Create(3, random))).mean([0L]);

        TensorAssert.Close(zeros(3, 3, dtype: float64), mean, new Tolerance(0, 0.05));
    }

    [Theory]
    [InlineData(6)]
    [InlineData(8)]
    public void Create_Seed_DecidesTheMatrix(int width)
    {
        using var scope = NewDisposeScope();
        Tensor Of(int seed) => RandomRotation.Create(width, new Random(seed));

        TensorAssert.Identical(Of(3), Of(3));
        Assert.True((Of(3) - Of(4)).abs().max().item<double>() > 0.1);
    }

    [Fact]
    public void Create_WrongArguments_Throws()
    {
        Assert.Contains("'0'", Assert.Throws<ArgumentOutOfRangeException>(() => RandomRotation.Create(0, new Random(1))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentNullException>(() => RandomRotation.Create(4, null!));
    }
}
