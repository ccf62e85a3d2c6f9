using IsVit.Model.Quantization;
using IsVit.Runtime.Layers;
using IsVit.Runtime.Products;

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
        var (numbers, sum) = Encode(left, s_gelu);
        Assert.All(numbers.Zip(s_gelu), pair => Assert.Equal(pair.Second, left.Scale * (double)(pair.First - left.Integers.Value.ZeroPoint), 8.2 / 65533 / 2));
        Assert.Equal(numbers.Sum(static number => number) - (16 * left.Integers.Value.ZeroPoint), sum);
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

        var (numbers, _) = Encode(left, levels);
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

    /// <summary>What is written part by part is what is written row by row, whatever the product reads.</summary>
    [Fact]
    public void EncodeParts_OfSomeRows_AreTheRows()
    {
        var random = new Random(5);
        QuantizationParameters[] quantizers =
        [
            new AffineParameters(4, Granularity.Tensor, [0.1f], [7], isSymmetric: false), new AffineParameters(8, Granularity.Tensor, [0.01f], [100], isSymmetric: false), Levels(4, s_gelu),
        ];
        foreach (var tiles in Tiles.Supported)
        {
            foreach (var quantizer in quantizers)
            {
                foreach (var (depth, width) in new[] { (1, 16), (50, 16), (64, 64), (131, 64), (131, 16) })
                {
                    var left = LeftOperand.Create(quantizer, takesLevels: true);
                    var right = new IntegerPanels(tiles, 16, depth, left.Integers!.Value, 100);
                    var (whole, parts) = (new OperandRows(2 * Tiles.Rows, right.FilledDepth), new OperandRows(2 * Tiles.Rows, right.FilledDepth));
                    float[][] rows = [.. Enumerable.Range(0, 2 * Tiles.Rows).Select(_ => Enumerable.Range(0, depth).Select(_ => (float)((random.NextDouble() * 4) - 1)).ToArray())];
                    parts.Codes.Span.Fill(9);
                    parts.Shorts.Span.Fill(9);

                    for (var row = 0; row < rows.Length; row++)
                    {
                        left.Encode(rows[row], row, right, whole);
                    }

                    for (var column = 0; column < depth; column += width)
                    {
                        for (var first = 0; first < rows.Length; first += Tiles.Rows)
                        {
                            float[] tile = [.. from row in Enumerable.Range(first, Tiles.Rows) from i in Enumerable.Range(column, width) select i < depth ? rows[row][i] : 3];
                            left.EncodeParts(tile, width, first, column, Math.Min(width, depth - column), right, parts);
                        }
                    }

                    for (var row = 0; row < rows.Length; row++)
                    {
                        left.Close(row, right, parts);
                    }

                    Assert.Equal(whole.Sums, parts.Sums);
                    if (right.Form == IntegerForm.Shorts)
                    {
                        Assert.Equal(whole.Shorts.Span, parts.Shorts.Span);
                    }
                    else
                    {
                        Assert.Equal(whole.Codes.Span, parts.Codes.Span);
                    }
                }
            }
        }
    }

    // The integers of a row of 16, and their sum less depth times the zero point.
    private static (short[] Numbers, int Sum) Encode(LeftOperand left, float[] row)
    {
        var rows = new OperandRows(Tiles.Rows, row.Length);
        left.Encode(row, 0, new IntegerPanels(Tiles.Scalar, 1, row.Length, left.Integers!.Value, 1), rows);
        return (rows.Shorts.Span[..row.Length].ToArray(), rows.Sums[0]);
    }

    private static LevelsParameters Levels(int bits, float[] levels) => new(bits, [.. levels]);
}
