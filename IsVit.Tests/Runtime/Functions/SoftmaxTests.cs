using IsVit.Runtime.Functions;

namespace IsVit.Tests.Runtime.Functions;

public sealed class SoftmaxTests
{
    private static readonly int[] s_lengths = [1, 2, 7, 16, 17, 49, 64, 65, 197, 577, 1024];

    [Theory]
    [InlineData(1, 0)]
    [InlineData(20, 3)]
    [InlineData(150, -40)]
    [InlineData(150, 60_000)]
    [InlineData(30, -1e9)]
    [InlineData(1e30, 0)]
    public void Apply_AnyRange_StaysWithinAMillionth(double spread, double offset)
    {
        var random = new Random(11);
        foreach (int length in s_lengths)
        {
            float[] row = Row(random, length, spread, offset);
            double[] expected = Exact(Array.ConvertAll(row, static x => (double)x));

            Softmax.Apply(row);

            AssertNear(expected, row);
        }
    }

    [Fact]
    public void Apply_ScaleAndBias_IsTheSoftmaxOfTheRoundedSum()
    {
        var random = new Random(12);
        foreach (int length in s_lengths)
        {
            float[] row = Row(random, length, 40, 0), bias = Row(random, length, 5, -1);
            double[] expected = Exact([.. row.Select((x, i) => (double)((x * 0.125f) + bias[i]))]);
            double[] unbiased = Exact([.. row.Select(x => (double)(x * 0.3f))]);
            float[] second = [.. row];

            Softmax.Apply(row, 0.125f, bias);
            Softmax.Apply(second, 0.3f, []);

            AssertNear(expected, row);
            AssertNear(unbiased, second);
        }
    }

    [Fact]
    public void Apply_EachWidth_GivesTheSameBits()
    {
        var random = new Random(13);
        foreach (int length in s_lengths)
        {
            float[] widest = Row(random, length, 30, 2), middle = [.. widest], narrow = [.. widest], bias = Row(random, length, 3, 0);

            Softmax.Apply(widest, 0.7f, bias, VectorWidth.Bits512);
            Softmax.Apply(middle, 0.7f, bias, VectorWidth.Bits256);
            Softmax.Apply(narrow, 0.7f, bias, VectorWidth.Bits128);

            RowFunctionTests.AssertSame(widest, middle);
            RowFunctionTests.AssertSame(widest, narrow);
        }
    }

    [Fact]
    public void Apply_MaskedElements_GetZero()
    {
        float[] row = [1, float.NegativeInfinity, 1, -1e30f, -200];

        Softmax.Apply(row);

        Assert.Equal([0.5f, 0, 0.5f, 0, 0], row);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Apply_NoNumber_MakesTheRowNaN(float value)
    {
        foreach (int length in s_lengths)
        {
            float[] row = Row(new Random(14), length, 1, 0);
            row[length / 2] = value;

            Softmax.Apply(row);

            Assert.All(row, static x => Assert.True(float.IsNaN(x)));
        }
    }

    [Fact]
    public void Apply_BiasOfAnotherLength_NamesBoth()
    {
        var error = Assert.Throws<ArgumentException>(static () => Softmax.Apply(new float[7], 1, new float[6]));

        Assert.Contains("7", error.Message, StringComparison.Ordinal);
        Assert.Contains("6", error.Message, StringComparison.Ordinal);
    }

    private static float[] Row(Random random, int length, double spread, double offset)
    {
        var row = new float[length];
        for (int i = 0; i < length; i++)
        {
            row[i] = (float)(((random.NextDouble() - 0.5) * spread) + offset);
        }

        return row;
    }

    private static double[] Exact(double[] row)
    {
        double max = row.Max(), sum = row.Sum(x => Math.Exp(x - max));
        return Array.ConvertAll(row, x => Math.Exp(x - max) / sum);
    }

    private static void AssertNear(double[] expected, float[] actual)
    {
        for (int i = 0; i < actual.Length; i++)
        {
            // Subnormal results are multiples of the smallest.
            double bound = (1e-6 * expected[i]) + float.Epsilon;
            Assert.True(Math.Abs(actual[i] - expected[i]) <= bound, FormattableString.Invariant($"Element {i} of {actual.Length} is {actual[i]:R}; expected {expected[i]:R}, relative error {(actual[i] / expected[i]) - 1:E2}."));
        }
    }
}
