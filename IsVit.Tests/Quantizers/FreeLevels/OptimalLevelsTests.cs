using IsVit.Quantizers.FreeLevels;

namespace IsVit.Tests.Quantizers.FreeLevels;

public sealed class OptimalLevelsTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    [InlineData(4, true)]
    [InlineData(5, true)]
    public void Find_FewNumbers_HasTheErrorOfTheBestPartition(int seed, bool weighted)
    {
        var random = new Random(seed);
        var numbers = Enumerable.Range(0, 11).Select(_ => (float)Math.Round(random.NextDouble() * 20) / 4).ToArray();
        float[] weights = weighted ? [.. numbers.Select(_ => random.Next(4) * 0.5f)] : [];

        var levels = OptimalLevels.Find(numbers, weights, 4);

        var counts = weighted ? weights : [.. numbers.Select(static _ => 1f)];
        var error = numbers.Zip(counts).Sum(pair => pair.Second * levels.Min(level => Math.Pow(pair.First - level, 2)));
        Assert.Equal(BestOfAllPartitions(numbers, counts, 4), error, 9);
        Assert.Equal(levels.Order(), levels);
    }

    [Fact]
    public void Find_FewerNumbersThanLevels_GivesTheNumbers() => Assert.Equal([-1.5, 0.25, 3, 3], OptimalLevels.Find([3f, 0.25f, -1.5f, 3f, 0.25f], [], 4));

    [Fact]
    public void Find_AllWeightsZero_CountsEvenly() => Assert.Equal([1.0, 5.0], OptimalLevels.Find([0f, 2f, 5f], [0f, 0f, 0f], 2));

    [Fact]
    public void Find_NumbersThatDoNotCount_MoveNoLevel() => Assert.Equal([1.0, 3.0], OptimalLevels.Find([100f, 1f, -7f, 3f], [0f, 1f, 0f, 2f], 2));

    /// <summary>Max (1960), table I: eight levels of a normal distribution err by 0.03454. More numbers than are looked at one by one.</summary>
    [Fact]
    public void Find_NormalNumbers_HasMaxsError()
    {
        var random = new Random(6);
        var numbers = Enumerable.Range(0, 60_000).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))).ToArray();

        var levels = OptimalLevels.Find(numbers, [], 8);

        Assert.Equal(0.03454, numbers.Average(number => levels.Min(level => Math.Pow(number - level, 2))), 0.0008);
    }

    [Fact]
    public void Find_FarFromZero_LosesNoDigits() => Assert.Equal([1e6, 1e6 + 0.5, 1e6 + 2], OptimalLevels.Find([1e6f, 1e6f + 0.5f, 1e6f + 2f, 1e6f], [], 3));

    // Every way to cut the sorted numbers into at most so many runs.
    private static double BestOfAllPartitions(float[] numbers, float[] weights, int count)
    {
        var order = Enumerable.Range(0, numbers.Length).OrderBy(i => numbers[i]).ToArray();
        double Error(int start, int end)
        {
            var some = order[start..end];
            var weight = some.Sum(i => weights[i]);
            var mean = weight == 0 ? 0 : some.Sum(i => weights[i] * (double)numbers[i]) / weight;
            return some.Sum(i => weights[i] * Math.Pow(numbers[i] - mean, 2));
        }

        double Best(int start, int left) => start == order.Length ? 0
            : left == 0 ? double.PositiveInfinity
            : Enumerable.Range(start + 1, order.Length - start).Min(end => Error(start, end) + Best(end, left - 1));
        return Best(0, count);
    }
}
