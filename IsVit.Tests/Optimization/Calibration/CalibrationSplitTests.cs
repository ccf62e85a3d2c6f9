using IsVit.Optimization.Observation;

namespace IsVit.Tests.Optimization.Calibration;

public sealed class CalibrationSplitTests
{
    [Theory]
    [InlineData(256, 0.125, 32)]
    [InlineData(16, 0.125, 2)]
    [InlineData(100, 0.5, 50)]
    [InlineData(31, 0.1, 3)]
    public void Of_EnoughImages_EachIsOnOneSide(int count, double share, int heldOut)
    {
        var split = CalibrationSplit.Of(count, share, seed: 1);

        Assert.True(split.IsSplit);
        Assert.Equal(heldOut, split.HeldOut.Length);
        Assert.Equal(Enumerable.Range(0, count), split.Training.Concat(split.HeldOut).Order());
        Assert.NotEqual(split.HeldOut.Order(), CalibrationSplit.Of(count, share, seed: 2).HeldOut.Order());
        Assert.Equal(split.HeldOut, CalibrationSplit.Of(count, share, seed: 1).HeldOut);
    }

    [Theory]
    [InlineData(15, 0.125)]
    [InlineData(16, 0.01)]
    [InlineData(256, 0.0)]
    [InlineData(1, 0.5)]
    public void Of_ImagesThatCannotBeSpared_AllAreOnBothSides(int count, double share)
    {
        var split = CalibrationSplit.Of(count, share, seed: 1);

        Assert.False(split.IsSplit);
        Assert.Equal(Enumerable.Range(0, count), split.Training);
        Assert.Equal(Enumerable.Range(0, count), split.HeldOut);
    }
}
