using IsVit.Model.Quantization;
using IsVit.Runtime.Layers;

namespace IsVit.Tests.Runtime;

/// <summary>Which levels are taken to a grid of 16 bits.</summary>
public sealed class LeftOperandTests
{
    /// <summary>Levels of post-GELU activations of a DeiT-Tiny: dense below zero, on one side of it.</summary>
    private static readonly float[] s_gelu = [-0.163f, -0.138f, -0.11f, -0.0817f, -0.0525f, -0.0178f, 0.0231f, 0.0812f, 0.1687f, 0.3022f, 0.5011f, 0.7867f, 1.1913f, 1.7671f, 2.6052f, 3.9301f];

    [Fact]
    public void Create_LevelsDenseBelowZero_AreOnAGridThatMissesThemByLittle()
    {
        var left = LeftOperand.Create(Levels(4, s_gelu), takesLevels: true);

        Assert.True(left.Integers is { AreLevels: true });
        Assert.InRange(left.Integers.Value.ZeroPoint, -32768, -16000);
        var (codes, numbers, sums) = (new byte[16], new short[16], new int[1]);
        left.Encode(s_gelu, 16, 1, 16, 16, codes, numbers, sums);
        Assert.All(numbers.Zip(s_gelu), pair => Assert.Equal(pair.Second, left.Scale * (double)(pair.First - left.Integers.Value.ZeroPoint), 8.2 / 65533 / 2));
        Assert.Equal(numbers.Sum(static number => number) - (16 * left.Integers.Value.ZeroPoint), sums[0]);
    }

    [Fact]
    public void Create_LevelsThatTheNextOnesDoNotNotice_AreJudgedByTheirDensity()
    {
        // A level far from where all others are makes the step too coarse for them.
        float[] far = [.. s_gelu[..15], 400];

        Assert.Null(LeftOperand.Create(Levels(4, far), takesLevels: true).Integers);
        Assert.Null(LeftOperand.Create(new LogarithmicParameters(5, 1, 0.7), takesLevels: true).Integers);
        Assert.Null(LeftOperand.Create(Levels(4, s_gelu), takesLevels: false).Integers);
    }

    [Fact]
    public void Create_FifteenOctaves_AreExact()
    {
        float[] levels = new LogarithmicParameters(4, 1, 0.7).Levels();

        var left = LeftOperand.Create(new LogarithmicParameters(4, 1, 0.7), takesLevels: true);

        var (codes, numbers, sums) = (new byte[16], new short[16], new int[1]);
        left.Encode(levels, 16, 1, 16, 16, codes, numbers, sums);
        Assert.All(numbers.Zip(levels), pair => Assert.Equal(pair.Second, left.Scale * (pair.First - left.Integers!.Value.ZeroPoint)));
    }

    [Fact]
    public void Create_ManyLevels_NeedASmallerError()
    {
        var random = new Random(3);
        float[] many = [.. Enumerable.Range(0, 256).Select(i => (float)(i - 100 + random.NextDouble()))];
        float[] few = [.. many.Where(static (_, i) => i % 16 == 0)];

        Assert.NotNull(LeftOperand.Create(Levels(4, few), takesLevels: true).Integers);
        Assert.Null(LeftOperand.Create(Levels(8, many), takesLevels: true).Integers);
    }

    private static LevelsParameters Levels(int bits, float[] levels) => new(bits, [.. levels]);
}
