using System.Collections.Immutable;
using CsCheck;
using IsVit.Model.Quantization;
using IsVit.Runtime.Quantizing;

namespace IsVit.Tests.Runtime.Quantizing;

public sealed class LevelGridTests
{
    [Fact]
    public void Create_UniformLevels_FindsTheirStep() => Gen.Select(Gen.Int[2, 8], Gen.Int[-300, 300], Gen.Float[1e-6f, 1e3f]).Sample(
        static (bits, zero, scale) =>
        {
            float[] levels = new AffineParameters(bits, Granularity.Tensor, [scale], [zero], isSymmetric: false).Levels();

            var grid = LevelGrid.Create(levels);

            Assert.True(grid.IsExact);
            Assert.Equal(0, grid.Middle);
            Assert.Equal(levels, grid.Multiples.Select(multiple => (float)(grid.Step * multiple)));
        },
        iter: 2000);

    [Fact]
    public void Create_TwinLevels_FindsTheirStep()
    {
        foreach (var ranges in Enum.GetValues<TwinRanges>())
        {
            for (int bits = 2; bits <= 8; bits++)
            {
                for (int power = 0; power < 7; power++)
                {
                    float[] levels = new TwinUniformParameters(bits, 0.0123456789 * Math.Pow(2, -power), 0.0123456789, ranges).Levels();

                    AssertExact(levels);
                }
            }
        }
    }

    [Fact]
    public void Create_PowersOfTwo_FindsTheirStep()
    {
        for (int bits = 2; bits <= 3; bits++)
        {
            AssertExact(new LogarithmicParameters(bits, 1, 0.731).Levels());
        }

        // 2^15 steps are more than 16 bits hold on both sides of zero.
        float[] levels = new LogarithmicParameters(4, 1, 0.731).Levels();
        var grid = LevelGrid.Create(levels);
        Assert.True(grid.IsExact);
        Assert.Equal(levels, grid.Multiples.Select(multiple => (float)(grid.Step * (multiple - grid.Middle))));

        AssertExact([0, 0, 0, 0]);
        AssertExact([3.25f, 3.25f, 3.25f, 3.25f]);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(8)]
    public void Create_FreeLevels_IsNoWorseThanTheFinestStep(int bits)
    {
        var random = new Random(bits);
        for (int draw = 0; draw < 10; draw++)
        {
            float[] levels = [.. Enumerable.Range(0, 1 << bits).Select(_ => (float)((random.NextDouble() * 3) - 1)).Order()];

            var grid = LevelGrid.Create(levels);

            double largest = levels.Max(Math.Abs), step = largest / short.MaxValue;
            Assert.False(grid.IsExact);
            Assert.All(grid.Multiples, multiple => Assert.InRange(multiple, -short.MaxValue, short.MaxValue));
            Assert.Equal(levels.Select((level, i) => Math.Abs(level - (grid.Step * (grid.Multiples[i] - grid.Middle)))).Max(), grid.LargestError, 1e-12);
            Assert.InRange(grid.LargestError, 0, levels.Max(level => Math.Abs(level - (step * Math.Round(level / step)))));
            Assert.InRange(grid.LargestError, 0, bits == 3 ? 0.4 * step : step);
        }
    }

    [Theory]
    [InlineData(0.0, 1.0)]
    [InlineData(-1.0, 0.0)]
    [InlineData(-0.17, 8.0)]
    [InlineData(2.0, 2.5)]
    public void Create_LevelsOnOneSideOfZero_HaveAFinerGrid(double low, double high)
    {
        var random = new Random(4);
        float[] levels = [.. Enumerable.Range(0, 16).Select(_ => (float)(low + (random.NextDouble() * (high - low)))).Order()];

        var grid = LevelGrid.Create(levels);

        double width = Math.Max(levels[^1], 0) - Math.Min(levels[0], 0);
        Assert.False(grid.IsExact);
        Assert.InRange(grid.Middle, -short.MaxValue - 1, short.MaxValue + 1);
        Assert.All(grid.Multiples, multiple => Assert.InRange(multiple, -short.MaxValue, short.MaxValue));
        Assert.InRange(grid.LargestError, 0, 0.5 * width / 65533);
        Assert.All(levels.Zip(grid.Multiples), pair => Assert.Equal(pair.First, grid.Step * (pair.Second - grid.Middle), grid.LargestError + 1e-12));
    }

    [Fact]
    public void Create_Frequencies_FavourWhatOccurs()
    {
        var random = new Random(9);
        float[] levels = [.. Enumerable.Range(0, 16).Select(_ => (float)random.NextDouble()).Order()];
        float[] frequencies = [.. Enumerable.Repeat(1e-6f, 13), 1, 1, 1];

        var even = LevelGrid.Create(levels);
        var weighted = LevelGrid.Create(levels, frequencies);

        Assert.True(ErrorOfTheLast(weighted) < ErrorOfTheLast(even));
        Assert.True(weighted.LargestError >= even.LargestError);

        double ErrorOfTheLast(LevelGrid grid) => Enumerable.Range(13, 3).Max(i => Math.Abs(levels[i] - (grid.Step * (grid.Multiples[i] - grid.Middle))));
    }

    private static void AssertExact(float[] levels)
    {
        var grid = LevelGrid.Create(levels);

        Assert.True(grid.IsExact);
        Assert.Equal(0, grid.Middle);
        Assert.Equal(levels, grid.Multiples.Select(multiple => (float)(grid.Step * multiple)));
    }
}
