using System.Runtime.InteropServices;
using CsCheck;
using IsVit.Runtime.Products;

namespace IsVit.Tests.Runtime;

/// <summary>Products of codes against sums of 64-bit integers, with all loops that this processor has.</summary>
public sealed class ProductTests
{
    private const int Seeds = 60;

    /// <summary>Bits of codes and the largest |w|: sums that 16 bits hold for hundreds of steps, for few, for one, and for none.</summary>
    public static TheoryData<int, int> Widths { get; } = new()
    {
        { 2, 2 }, { 3, 4 }, { 4, 8 }, { 4, 128 }, { 3, 128 }, { 5, 128 }, { 6, 128 }, { 7, 64 }, { 7, 128 }, { 8, 64 }, { 8, 128 },
    };

    [Theory]
    [MemberData(nameof(Widths))]
    public void Multiply_Codes_AreExactSums(int bits, int magnitude) => Gen.Select(Gen.Int[1, 40], Gen.Int[1, 150], Gen.Int[1, 300], Gen.Bool, Gen.Int[-300, 300], Gen.Int[0, int.MaxValue])
        .Sample(
            (rows, columns, depth, isExtreme, zeroPoint, seed) => Tiles.Supported.All(tiles => AreExact(tiles, bits, magnitude, rows, columns, depth, isExtreme, zeroPoint, seed)),
            iter: Seeds,
            threads: 1);

    [Fact]
    public void Multiply_LongestSumsOfLargestNumbers_DoNotOverflow() =>
        Assert.All(Tiles.Supported, static tiles => Assert.All(Widths, row => Assert.True(AreExact(tiles, row.Data.Item1, row.Data.Item2, 7, 65, 3075, isExtreme: true, 255, 0))));

    /// <summary>Levels are multiples of a step, positive and negative; a long sum is taken in blocks that 32 bits hold.</summary>
    [Theory]
    [InlineData(5, 17, 64)]
    [InlineData(13, 200, 511)]
    [InlineData(6, 64, 512)]
    [InlineData(7, 70, 515)]
    [InlineData(25, 16, 3072)]
    [InlineData(13, 80, 768, 32768)]
    [InlineData(13, 80, 192, -21000)]
    public void Multiply_Levels_AreSumsToFloatPrecision(int rows, int columns, int depth, int zeroPoint = 0)
    {
        foreach (var tiles in Tiles.Supported)
        {
            var random = new Random(depth);
            var right = new IntegerPanels(tiles, columns, depth, new(short.MaxValue, zeroPoint, AreLevels: true), 128) { HasOffsets = true };
            var weights = Fill(right, random, isExtreme: depth == 512, 128);
            var biases = right.Bias.Span.ToArray();
            for (var column = 0; column < columns; column++)
            {
                right.SetSum(column, weights.AsSpan(column * depth, depth).ToArray().Sum(static w => w));
            }

            var left = new AlignedBuffer<short>(IntegerProduct.RowsOfTiles(rows) * right.FilledDepth);
            var rest = new int[IntegerProduct.RowsOfTiles(rows)];
            for (var row = 0; row < rows; row++)
            {
                rest[row] = -depth * zeroPoint;
                for (var k = 0; k < depth; k++)
                {
                    rest[row] += left.Span[(row * right.FilledDepth) + k] = depth == 512 ? short.MaxValue : (short)random.Next(-short.MaxValue, short.MaxValue + 1);
                }
            }

            var stride = right.PanelCount * Panel.Width;
            var output = new float[IntegerProduct.RowsOfTiles(rows) * stride];

            IntegerProduct.Multiply(left, 0, right.FilledDepth, rest, rows, right, output, stride);

            for (var row = 0; row < rows; row++)
            {
                for (var column = 0; column < columns; column++)
                {
                    var (sum, size) = (0.0, 0.0);
                    for (var k = 0; k < depth; k++)
                    {
                        var product = (left.Span[(row * right.FilledDepth) + k] - (double)zeroPoint) * (weights[(column * depth) + k] + right.Offset.Span[column]);
                        (sum, size) = (sum + product, size + Math.Abs((left.Span[(row * right.FilledDepth) + k] - zeroPoint) * 256.0));
                    }

                    var expected = (sum * right.Scale.Span[column]) + biases[column];
                    Assert.InRange(output[(row * stride) + column] - expected, -(1e-6 * size * right.Scale.Span[column]) - 1e-6, (1e-6 * size * right.Scale.Span[column]) + 1e-6);
                }
            }
        }
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(7, 15, 3)]
    [InlineData(12, 64, 64)]
    [InlineData(13, 130, 197)]
    public void Multiply_Floats_AreTheSameSumsWithAllLoops(int rows, int columns, int depth)
    {
        var outputs = Tiles.Supported.Select(tiles =>
        {
            var random = new Random(depth);
            var right = new FloatPanels(tiles, columns, depth);
            var weights = new float[columns * depth];
            for (var i = 0; i < weights.Length; i++)
            {
                weights[i] = (float)random.NextDouble() - 0.5f;
            }

            right.SetColumns(0, weights, depth, columns);
            var left = new AlignedBuffer<float>(IntegerProduct.RowsOfTiles(rows) * depth);
            for (var i = 0; i < rows * depth; i++)
            {
                left.Span[i] = (float)random.NextDouble() - 0.5f;
            }

            var stride = right.PanelCount * Panel.Width;
            var output = new float[IntegerProduct.RowsOfTiles(rows) * stride];
            FloatProduct.Multiply(left, 0, depth, rows, right, output, stride);
            for (var row = 0; row < rows; row++)
            {
                for (var column = 0; column < columns; column++)
                {
                    var expected = 0.0;
                    for (var k = 0; k < depth; k++)
                    {
                        expected += (double)left.Span[(row * depth) + k] * weights[(column * depth) + k];
                    }

                    Assert.Equal(expected, output[(row * stride) + column], 1e-5);
                }
            }

            return output;
        }).ToList();

        // One multiplication and addition after the other, rounded once, whatever the width of a vector.
        Assert.All(outputs, output => Assert.Equal(outputs[0][..((rows - 1) * Panel.Count(columns) * Panel.Width)], output[..((rows - 1) * Panel.Count(columns) * Panel.Width)]));
    }

    [Fact]
    public void At_OutsideOfTheBuffer_IsAnError()
    {
        var buffer = new AlignedBuffer<int>(10);

        Assert.Throws<ArgumentOutOfRangeException>(() => Address(buffer, 4, 7));
        Assert.Throws<ArgumentOutOfRangeException>(() => Address(buffer, -1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Address(buffer, 1, -1));
        Assert.Equal(0, Address(buffer, 0, 10) % 64);
    }

    private static unsafe long Address(AlignedBuffer<int> buffer, int start, int count) => (long)buffer.At(start, count);

    private static bool AreExact(Tiles tiles, int bits, int magnitude, int rows, int columns, int depth, bool isExtreme, int zeroPoint, int seed)
    {
        var random = new Random(seed);
        var most = (1 << bits) - 1;
        var right = new IntegerPanels(tiles, columns, depth, new(most, zeroPoint, AreLevels: false), magnitude) { HasOffsets = true };
        var weights = Fill(right, random, isExtreme, magnitude);
        for (var column = 0; column < columns; column++)
        {
            right.Zero.Span[column] = zeroPoint * weights.AsSpan(column * depth, depth).ToArray().Sum(static w => w);
        }

        var filled = IntegerProduct.RowsOfTiles(rows);
        var codes = new AlignedBuffer<byte>(filled * right.FilledDepth);
        var rest = new int[filled];
        for (var row = 0; row < rows; row++)
        {
            for (var k = 0; k < depth; k++)
            {
                var code = codes.Span[(row * right.FilledDepth) + k] = (byte)(isExtreme ? most : random.Next(most + 1));
                rest[row] += code - zeroPoint;
            }
        }

        var stride = right.PanelCount * Panel.Width;
        var output = new float[filled * stride];
        if (right.Form == IntegerForm.Shorts)
        {
            var numbers = new AlignedBuffer<short>(codes.Length);
            IntegerSums.Widen(codes.Span, numbers.Span);
            IntegerProduct.Multiply(numbers, 0, right.FilledDepth, rest, rows, right, output, stride);
        }
        else
        {
            IntegerProduct.Multiply(codes, 0, right.FilledDepth, rest, rows, right, output, stride);
        }

        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var sum = 0L;
                for (var k = 0; k < depth; k++)
                {
                    sum += (codes.Span[(row * right.FilledDepth) + k] - (long)zeroPoint) * (weights[(column * depth) + k] + right.Offset.Span[column]);
                }

                if (output[(row * stride) + column] != MathF.FusedMultiplyAdd(sum, right.Scale.Span[column], right.Bias.Span[column]))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static sbyte[] Fill(IntegerPanels right, Random random, bool isExtreme, int magnitude)
    {
        var weights = new sbyte[right.Columns * right.Depth];
        for (var column = 0; column < right.Columns; column++)
        {
            var values = weights.AsSpan(column * right.Depth, right.Depth);
            var sign = column % 2 == 0 ? -1 : 1;
            for (var k = 0; k < values.Length; k++)
            {
                values[k] = (sbyte)Math.Clamp(isExtreme ? sign * magnitude : random.Next(-magnitude, magnitude + 1), sbyte.MinValue, sbyte.MaxValue);
            }

            right.SetColumn(column, MemoryMarshal.AsBytes(values), middle: 0);
            right.Offset.Span[column] = random.Next(-128, 129);
            right.Scale.Span[column] = (float)random.NextDouble();
            right.Bias.Span[column] = (float)random.NextDouble();
        }

        return weights;
    }
}
