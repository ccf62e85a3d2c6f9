using IsVit.Tool.Evaluation;

namespace IsVit.Tests.Programs.Tool;

public sealed class AccuracyTests
{
    private static readonly Logits Three = new([1, 3, 2, 5, 4, 0, -1, -3, -2], 3, [1, 1, 2]);

    [Theory]
    [InlineData(1, 100d / 3)]
    [InlineData(2, 100)]
    [InlineData(3, 100)]
    [InlineData(5, 100)]
    public void Top_KnownRanks_CountsTheFirstK(int k, double expected) => Assert.Equal(expected, Accuracy.Top(Three, k), 12);

    [Fact]
    public void Top_EqualLogits_LowerClassComesFirst()
    {
        Assert.Equal(50, Accuracy.Top(new Logits([7, 7, 7, 7], 2, [0, 1]), 1));
        Assert.Equal(100, Accuracy.Top(new Logits([7, 7, 7, 7], 2, [0, 1]), 2));
    }

    [Fact]
    public void Top_NaN_IsWrong()
    {
        Assert.Equal(0, Accuracy.Top(new Logits([float.NaN, 1, 1, float.NaN], 2, [0, 0]), 1));
    }

    [Fact]
    public void Top_WithoutLabels_Throws() => Assert.Throws<ArgumentException>(() => Accuracy.Top(Three with { Labels = null }, 1));

    [Fact]
    public void Agreement_CountsEqualFirstClasses()
    {
        var other = Three with { Values = [0, 9, 1, 0, 1, 0, float.NaN, 0, 0] };

        Assert.Equal(100, Accuracy.Agreement(Three, Three));
        Assert.Equal(100d / 3, Accuracy.Agreement(Three, other), 12);
        Assert.Equal(100d / 3, Accuracy.Agreement(other, Three), 12);
    }

    [Fact]
    public void MeanSquaredError_IsTheMeanOverAllLogits()
    {
        var other = Three with { Values = [2, 3, 2, 5, 4, 0, -1, -3, 0] };

        Assert.Equal((1d + 4) / 9, Accuracy.MeanSquaredError(Three, other), 12);
    }

    [Fact]
    public void MeanSquaredError_OtherShape_Throws()
    {
        Assert.Throws<ArgumentException>(() => Accuracy.MeanSquaredError(Three, new Logits([1, 2, 3], 3, null)));
        Assert.Throws<ArgumentException>(() => Accuracy.Agreement(Three, Three with { ClassCount = 9 }));
    }

    [Fact]
    public void Of_WithoutLabelsOrReference_LeavesFiguresOut()
    {
        Assert.Equal(new EvaluationResult(null, null, null, null), EvaluationResult.Of(Three with { Labels = null }));
        Assert.Equal(new EvaluationResult(100d / 3, 100, 100, 0), EvaluationResult.Of(Three, Three));
    }

    [Fact]
    public void PeakMemory_IsAtLeastTheCurrentMemory() => Assert.InRange(PeakMemory.Megabytes(), Environment.WorkingSet / 2e6, 1e6);
}
