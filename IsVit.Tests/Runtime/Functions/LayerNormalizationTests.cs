using IsVit.Runtime.Functions;

namespace IsVit.Tests.Runtime.Functions;

public sealed class LayerNormalizationTests
{
    private static readonly int[] s_lengths = [1, 2, 7, 16, 33, 64, 96, 127, 192, 384, 768, 3072];

    [Theory]
    [InlineData(0, 1)]
    [InlineData(5, 0.3)]
    [InlineData(-1000, 1)]
    [InlineData(100_000, 0.5)]
    [InlineData(3, 1e-6)]
    [InlineData(0, 1e8)]
    public void Apply_AnyMean_StaysWithinAMillionth(double mean, double deviation)
    {
        var random = new Random(21);
        foreach (int length in s_lengths)
        {
            float[] row = Row(random, length, mean, deviation), weight = Row(random, length, 1, 0.5), bias = Row(random, length, 0, 0.5), output = new float[length];

            LayerNormalization.Apply(row, weight, bias, 1e-6f, output);

            float[] plain = new float[length];
            LayerNormalization.Apply(row, weight, new float[length], 1e-6f, plain);

            double average = row.Average(static x => (double)x), variance = row.Average(x => (x - average) * (x - average));
            for (int i = 0; i < length; i++)
            {
                double scaled = (row[i] - average) / Math.Sqrt(variance + 1e-6f) * weight[i];
                double rounding = (1e-6 * Math.Abs(scaled)) + (3e-7 * Math.Abs(weight[i])) + RoundingOfTheMean(average, variance, weight[i]);
                Assert.True(Math.Abs(output[i] - (scaled + bias[i])) <= rounding + (1e-6 * Math.Abs(bias[i])), FormattableString.Invariant($"Element {i} of {length} is {output[i]:R}; expected {scaled + bias[i]:R}."));
                Assert.True(Math.Abs(plain[i] - scaled) <= rounding, FormattableString.Invariant($"Element {i} of {length} is {plain[i]:R}; expected {scaled:R}."));
            }
        }
    }

    [Fact]
    public void Apply_EachWidthAndInPlace_GivesTheSameBits()
    {
        var random = new Random(22);
        foreach (int length in s_lengths)
        {
            float[] row = Row(random, length, 3, 2), weight = Row(random, length, 1, 0.5), bias = Row(random, length, 0, 0.5);
            float[] widest = new float[length], middle = new float[length], narrow = [.. row];

            LayerNormalization.Apply(row, weight, bias, 1e-5f, widest, VectorWidth.Bits512);
            LayerNormalization.Apply(row, weight, bias, 1e-5f, middle, VectorWidth.Bits256);
            LayerNormalization.Apply(narrow, weight, bias, 1e-5f, narrow, VectorWidth.Bits128);

            RowFunctionTests.AssertSame(widest, middle);
            RowFunctionTests.AssertSame(widest, narrow);
        }
    }

    [Fact]
    public void Apply_ConstantRow_GivesTheBias()
    {
        float[] bias = Row(new Random(23), 100, 0, 1), output = new float[100];

        LayerNormalization.Apply([.. Enumerable.Repeat(12345.678f, 100)], [.. Enumerable.Repeat(2f, 100)], bias, 1e-6f, output);

        Assert.Equal(bias, output);
    }

    [Fact]
    public void Apply_NaN_MakesTheRowNaN()
    {
        float[] row = Row(new Random(24), 100, 0, 1), ones = [.. Enumerable.Repeat(1f, 100)];
        row[71] = float.NaN;

        LayerNormalization.Apply(row, ones, ones, 1e-6f, row);

        Assert.All(row, static x => Assert.True(float.IsNaN(x)));
    }

    [Fact]
    public void Apply_WeightsOfAnotherLength_NamesBoth()
    {
        var error = Assert.Throws<ArgumentException>(static () => LayerNormalization.Apply(new float[7], new float[6], new float[7], 1e-6f, new float[7]));

        Assert.Contains("7", error.Message, StringComparison.Ordinal);
        Assert.Contains("6", error.Message, StringComparison.Ordinal);
    }

    // What is left of the mean is as exact as float32 can say it.
    private static double RoundingOfTheMean(double mean, double variance, double weight) => 1e-13 * Math.Abs(mean * weight) / Math.Sqrt(variance + 1e-6);

    private static float[] Row(Random random, int length, double mean, double deviation)
    {
        var row = new float[length];
        for (int i = 0; i < length; i++)
        {
            // Normal numbers, by Box and Muller.
            row[i] = (float)(mean + (deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())));
        }

        return row;
    }
}
