using IsVit.Optimization.MixedPrecision;

namespace IsVit.Tests.Optimization.MixedPrecision;

public sealed class RankOrderTests
{
    [Fact]
    public void Correlation_Lists_IsSpearmans()
    {
        Assert.Equal(1, RankOrder.Correlation([1, 2, 3, 4], [1, 10, 100, 1000])!.Value, 1e-12);
        Assert.Equal(-1, RankOrder.Correlation([1, 2, 3, 4], [4, 3, 2, 1])!.Value, 1e-12);

        // Ranks 0 1 2 3 4 against 1 0 2 4 3: 1 - 6 (1 + 1 + 0 + 1 + 1) / (5 x 24).
        Assert.Equal(0.8, RankOrder.Correlation([1, 2, 3, 4, 5], [20, 10, 30, 50, 40])!.Value, 1e-12);
        Assert.Null(RankOrder.Correlation([1, 1, 1], [1, 2, 3]));
        Assert.Null(RankOrder.Correlation([], []));
    }

    [Fact]
    public void Correlation_EqualNumbers_ShareTheirRanks() =>
        // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: 4.5 / sqrt(4.5 x 5).
        Assert.Equal(4.5 / Math.Sqrt(22.5), RankOrder.Correlation([1, 2, 2, 3], [1, 2, 3, 4])!.Value, 1e-12);
}
