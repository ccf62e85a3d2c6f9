using TorchSharp;
using Xunit.Sdk;

namespace IsVit.Tests.TestSupport;

public sealed class TestSupportTests
{
    [Fact]
    public void Close_OneElementOutside_NamesIt()
    {
        using var expected = torch.tensor(new[] { 1f, 2f, 3f });
        using var actual = torch.tensor(new[] { 1f, 2.001f, 3f });

        var failure = Assert.Throws<TrueException>(() => TensorAssert.Close(expected, actual));

        Assert.Contains("element 1 of shape [3]", failure.Message, StringComparison.Ordinal);
        Assert.Contains("1 of 3 differ", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1f, float.NaN)]
    [InlineData(float.NaN, 1f)]
    [InlineData(1f, float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity, float.PositiveInfinity)]
    [InlineData(float.PositiveInfinity, 1f)]
    public void Close_NotFiniteAgainstOther_Fails(float expected, float actual)
    {
        using var left = torch.tensor(new[] { expected });
        using var right = torch.tensor(new[] { actual });

        Assert.Throws<TrueException>(() => TensorAssert.Close(left, right));
    }

    [Fact]
    public void Identical_NextFloat_Fails()
    {
        using var expected = torch.tensor(new[] { 1f, float.NaN, float.PositiveInfinity });
        using var actual = torch.tensor(new[] { MathF.BitIncrement(1f), float.NaN, float.PositiveInfinity });

        TensorAssert.Identical(expected, expected);
        Assert.Throws<TrueException>(() => TensorAssert.Identical(expected, actual));
    }

    [Fact]
    public void Normal_SameSeed_SameValuesWhateverRanBefore()
    {
        using var first = Seeded.Normal(3, 4, 5);
        torch.rand(7).Dispose();
        using var second = Seeded.Normal(3, 4, 5);
        using var other = Seeded.Normal(4, 4, 5);

        TensorAssert.Identical(first, second);
        Assert.NotEqual(first.sum().item<float>(), other.sum().item<float>());
    }

    [Fact]
    public void LeftBy_UndisposedTensor_CountsIt()
    {
        var kept = new List<torch.Tensor>();

        long left = LiveTensors.LeftBy(() => kept.Add(torch.ones(2)));

        Assert.Equal(1, left);
        LiveTensors.AssertNoneLeftBy(() =>
        {
            using var scope = torch.NewDisposeScope();
            _ = torch.ones(2) + torch.ones(2);
        });
        kept.ForEach(t => t.Dispose());
    }

    [Fact]
    public void LeftBy_ModuleMadeUsedAndDisposed_CountsNothing()
    {
        long left = LiveTensors.LeftBy(() =>
        {
            using var linear = torch.nn.Linear(2, 3);
            using var input = torch.ones(1, 2);
            linear.call(input).Dispose();
        });

        Assert.Equal(0, left);
    }

    [Fact]
    public void Oracle_AbsentFile_SkipsWithItsPath()
    {
        // Assert.Throws lets a skip through, to skip the test that calls it.
        string? message = null;
        try
        {
            SharedData.Oracle("no-such.safetensors");
        }
        catch (SkipException skip)
        {
            message = skip.Message;
        }

        Assert.Contains("no-such.safetensors is absent", message, StringComparison.Ordinal);
    }
}
