using IsVit.Detection.Scenes;

namespace IsVit.Tests.Detection.Scenes;

public sealed class SceneRandomTests
{
    [Fact]
    public void NextBits_StateZero_IsTheReferenceSeriesOfSplitMix64()
    {
        // Seed 0 and index 0 mix to state 0.
        var random = new SceneRandom(0, 0);

        ulong[] found = [random.NextBits(), random.NextBits(), random.NextBits()];
        Assert.Equal([0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F], found);
    }

    [Fact]
    public void Next_SmallRange_EveryNumberEquallyOften()
    {
        var random = new SceneRandom(5, 6);
        var counts = Enumerable.Range(0, 7000).Select(_ => random.Next(-3, 3)).CountBy(n => n).OrderBy(pair => pair.Key).ToArray();

        Assert.Equal([-3, -2, -1, 0, 1, 2, 3], counts.Select(pair => pair.Key));
        Assert.All(counts, pair => Assert.InRange(pair.Value, 850, 1150));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(-33.3)]
    [InlineData(90)]
    [InlineData(180)]
    [InlineData(-180)]
    public void FromDegrees_AnyAngle_IsCosineAndSine(double degrees)
    {
        var rotation = Rotation.FromDegrees(degrees);

        Assert.Equal(Math.Cos(degrees * Math.PI / 180), rotation.Cos, 12);
        Assert.Equal(Math.Sin(degrees * Math.PI / 180), rotation.Sin, 12);
    }
}
