using IsVit.Model.Quantization;
using IsVit.Runtime.Products;
using IsVit.Runtime.Quantizing;

namespace IsVit.Runtime.Layers;

/// <summary>How an activation operand enters products: as codes, as levels of a 16-bit grid, or in float.</summary>
internal sealed class LeftOperand
{
    // A zero point far from all codes would take the sums beyond 32 bits.
    private const int LargestZeroPoint = 1 << 12;

    // A larger error would change too many of the next layer's codes (docs/runtime.md).
    private const double LargestErrorOfGrid = 5e-4;

    private readonly short[]? _levels;

    private LeftOperand(ActivationCoder? coder, LeftIntegers? integers, float scale, short[]? levels) => (Coder, Integers, Scale, _levels) = (coder, integers, scale, levels);

    /// <summary>The quantizer, if there is one.</summary>
    public ActivationCoder? Coder { get; }

    /// <summary>What an integer product reads, or null for products in float.</summary>
    public LeftIntegers? Integers { get; }

    /// <summary>What an integer stands for.</summary>
    public float Scale { get; }

    /// <summary>Describes an operand.</summary>
    /// <param name="quantizer">Its quantizer, or null if it stays in float.</param>
    /// <param name="takesLevels">Whether levels that are no steps of a uniform scale may be taken to a grid of 16 bits.</param>
    public static LeftOperand Create(QuantizationParameters? quantizer, bool takesLevels)
    {
        var coder = quantizer is null ? null : ActivationCoder.Create(quantizer);
        return quantizer switch
        {
            AffineParameters { SetCount: 1 } affine when Math.Abs(affine.ZeroPoint[0]) <= LargestZeroPoint =>
                new(coder, new(affine.Bits.MaxCode, (int)affine.ZeroPoint[0], AreLevels: false), affine.Scale[0], null),
            { SetCount: 1 } when takesLevels && Grid(quantizer.Levels()) is { } grid => new(
                coder,
                new(Math.Max(1, grid.Multiples.Max(static multiple => Math.Abs((int)multiple))), 0, AreLevels: true),
                (float)grid.Step,
                [.. grid.Multiples]),
            _ => new(coder, null, 1, null),
        };
    }

    /// <summary>Writes rows as codes, and the sum of each less depth times the zero point.</summary>
    /// <param name="input">Rows.</param>
    /// <param name="inputStride">The distance between them.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="depth">The length of a row.</param>
    /// <param name="filled">The length of a row of codes, with zeros from the depth on.</param>
    /// <param name="codes">Receives the codes.</param>
    /// <param name="sums">Receives the sums.</param>
    public void Encode(ReadOnlySpan<float> input, int inputStride, int rows, int depth, int filled, Span<byte> codes, Span<int> sums)
    {
        var zeros = depth * Integers!.Value.ZeroPoint;
        for (var row = 0; row < rows; row++)
        {
            var target = codes.Slice(row * filled, filled);
            Coder!.Encode(input.Slice(row * inputStride, depth), target[..depth]);
            target[depth..].Clear();
            sums[row] = IntegerSums.Of(target[..depth]) - zeros;
        }
    }

    /// <summary>Writes rows as 16-bit numbers: levels of the grid, or codes.</summary>
    /// <inheritdoc cref="Encode(ReadOnlySpan{float}, int, int, int, int, Span{byte}, Span{int})"/>
    public void Encode(ReadOnlySpan<float> input, int inputStride, int rows, int depth, int filled, Span<byte> codes, Span<short> numbers, Span<int> sums)
    {
        var zeros = depth * Integers!.Value.ZeroPoint;
        for (var row = 0; row < rows; row++)
        {
            var source = codes[..depth];
            var target = numbers.Slice(row * filled, filled);
            Coder!.Encode(input.Slice(row * inputStride, depth), source);
            if (_levels is null)
            {
                IntegerSums.Widen(source, target);
            }
            else
            {
                CodeTable.Look(source, _levels, target[..depth]);
            }

            target[depth..].Clear();
            sums[row] = IntegerSums.Of(target[..depth]) - zeros;
        }
    }

    /// <summary>Writes rows in float, as they are or as their codes stand for.</summary>
    /// <inheritdoc cref="Encode(ReadOnlySpan{float}, int, int, int, int, Span{byte}, Span{int})"/>
    public void Round(ReadOnlySpan<float> input, int inputStride, int rows, int depth, Span<byte> codes, Span<float> numbers)
    {
        for (var row = 0; row < rows; row++)
        {
            var source = input.Slice(row * inputStride, depth);
            var target = numbers.Slice(row * depth, depth);
            if (Coder is null)
            {
                source.CopyTo(target);
            }
            else
            {
                Coder.Encode(source, codes[..depth]);
                Coder.Decode(codes[..depth], target);
            }
        }
    }

    /// <summary>A grid for levels, or null if it misses one by more than a small part of the distance between two.</summary>
    private static LevelGrid? Grid(float[] levels)
    {
        var grid = LevelGrid.Create(levels);
        Array.Sort(levels);
        var gap = levels.Zip(levels.Skip(1), static (low, high) => (double)high - low).Where(static gap => gap > 0).DefaultIfEmpty(0).Min();
        return grid.LargestError <= LargestErrorOfGrid * gap ? grid : null;
    }
}
