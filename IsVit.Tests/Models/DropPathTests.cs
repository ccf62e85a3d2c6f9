using IsVit.Core.Models;
using TorchSharp;

namespace IsVit.Tests.Models;

public sealed class DropPathTests
{
    [Fact]
    public void Call_Training_DropsWholeImagesAndScalesTheOthers()
    {
        using var scope = torch.NewDisposeScope();
        using var dropPath = new DropPath(0.2);
        dropPath.train();

        var y = dropPath.call(torch.ones(2000, 3, 2));

        var perImage = y.view(2000, 6);
        Assert.Equal(0, ModelFiles.MaxDifference(perImage.min(1).values, perImage.max(1).values));
        var kept = perImage.max(1).values;
        Assert.All(kept.data<float>().ToArray(), v => Assert.True(v == 0 || Math.Abs(v - 1.25f) < 1e-6));
        Assert.InRange(kept.mean().item<float>(), 0.9f, 1.1f);
    }

    [Fact]
    public void Call_Evaluating_ReturnsItsInput()
    {
        using var dropPath = new DropPath(0.9);
        using var x = torch.ones(4, 3);
        dropPath.eval();

        Assert.Same(x, dropPath.call(x));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1)]
    [InlineData(double.NaN)]
    public void Constructor_RateOutOfRange_Throws(double rate) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new DropPath(rate));
}
