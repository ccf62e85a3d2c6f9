using IsVit.Model.Quantization;
using IsVit.Runtime.Products;
using IsVit.Runtime.Quantizing;

namespace IsVit.Runtime.Layers;

/// <summary>How an activation operand enters products: as codes, as levels of a 16-bit grid, or in float.</summary>
internal sealed class LeftOperand
{
    // A zero point far from all codes would take the sums beyond 32 bits.
    private const int LargestZeroPoint = 1 << 12;

    // Larger ones would change too many of the next layer's codes (docs/runtime.md), which more bits make denser. What has more bits has them for precision: there the error falls faster.
    private const double LargestErrorOfGrid = 1e-4;
    private const int CodesOfLargestError = 16;

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
                new(Math.Max(1, grid.Multiples.Max(static multiple => Math.Abs((int)multiple))), grid.Middle, AreLevels: true),
                (float)grid.Step,
                [.. grid.Multiples]),
            _ => new(coder, null, 1, null),
        };
    }

    /// <summary>Writes a row as the integers that a product reads, with zeros to the filled depth, and their sum less depth times the zero point.</summary>
    /// <param name="row">[depth].</param>
    /// <param name="index">Which row it is.</param>
    /// <param name="right">The product's right operand.</param>
    /// <param name="rows">Receives integers and sum.</param>
    public void Encode(ReadOnlySpan<float> row, int index, IntegerPanels right, OperandRows rows)
    {
        Write(row, index * right.FilledDepth, right, rows);
        Close(index, right, rows);
    }

    /// <summary>Writes a part of some rows as the integers that a product reads. When all parts are written, <see cref="Close"/> is called for each row.</summary>
    /// <param name="tile">The parts, one after the other.</param>
    /// <param name="width">The length of each.</param>
    /// <param name="index">Which row the first belongs to.</param>
    /// <param name="column">Where the parts are in the rows.</param>
    /// <param name="columns">How much of each part is written.</param>
    /// <param name="right">The product's right operand.</param>
    /// <param name="rows">Receives the integers.</param>
    public void EncodeParts(ReadOnlySpan<float> tile, int width, int index, int column, int columns, IntegerPanels right, OperandRows rows)
    {
        var start = (index * right.FilledDepth) + column;
        Span<byte> codes = stackalloc byte[tile.Length];
        if (right.Form != IntegerForm.Shorts)
        {
            Coder!.Encode(tile, codes);
            var target = rows.Codes.Span;
            for (var part = 0; part < tile.Length; part += width, start += right.FilledDepth)
            {
                codes.Slice(part, columns).CopyTo(target[start..]);
            }

            return;
        }

        Span<short> numbers = stackalloc short[tile.Length];
        Write(tile, numbers, codes);
        var wide = rows.Shorts.Span;
        for (var part = 0; part < tile.Length; part += width, start += right.FilledDepth)
        {
            numbers.Slice(part, columns).CopyTo(wide[start..]);
        }
    }

    /// <summary>Ends a row whose integers are written: zeros to the filled depth, and the sum less depth times the zero point.</summary>
    /// <param name="index">Which row it is.</param>
    /// <param name="right">The product's right operand.</param>
    /// <param name="rows">The rows.</param>
    public void Close(int index, IntegerPanels right, OperandRows rows)
    {
        var start = index * right.FilledDepth;
        var zeros = right.Depth * Integers!.Value.ZeroPoint;
        if (right.Form == IntegerForm.Shorts)
        {
            var row = rows.Shorts.Span.Slice(start, right.FilledDepth);
            row[right.Depth..].Clear();
            rows.Sums[index] = IntegerSums.Of(row) - zeros;
        }
        else
        {
            var row = rows.Codes.Span.Slice(start, right.FilledDepth);
            row[right.Depth..].Clear();
            rows.Sums[index] = IntegerSums.Of(row) - zeros;
        }
    }

    /// <summary>Writes a row in float, as it is or as its codes stand for.</summary>
    /// <param name="row">The row.</param>
    /// <param name="numbers">Receives the numbers.</param>
    /// <param name="codes">Memory for as many codes.</param>
    public void Round(ReadOnlySpan<float> row, Span<float> numbers, Span<byte> codes)
    {
        if (Coder is null)
        {
            row.CopyTo(numbers);
        }
        else
        {
            Coder.Round(row, numbers, codes);
        }
    }

    private void Write(ReadOnlySpan<float> row, int start, IntegerPanels right, OperandRows rows)
    {
        var codes = rows.Codes.Span.Slice(start, row.Length);
        if (right.Form == IntegerForm.Shorts)
        {
            Write(row, rows.Shorts.Span.Slice(start, row.Length), codes);
        }
        else
        {
            Coder!.Encode(row, codes);
        }
    }

    private void Write(ReadOnlySpan<float> row, Span<short> numbers, Span<byte> codes)
    {
        if (_levels is not null)
        {
            Coder!.Look(row, _levels, numbers, codes);
            return;
        }

        Coder!.Encode(row, codes);
        IntegerSums.Widen(codes, numbers);
    }

    /// <summary>A grid for levels, or null if what it misses them by would show.</summary>
    /// <remarks>
    /// Where levels lie dense, numbers are frequent: were they quantized with the least squared error, each level would take the same share of it, and be as frequent as the square of the distance to its neighbours is small. With such
    /// frequencies the root mean square of what the grid misses is compared with that of the levels.
    /// </remarks>
    private static LevelGrid? Grid(float[] levels)
    {
        var frequencies = Frequencies(levels);
        var grid = LevelGrid.Create(levels, [.. frequencies.Select(static frequency => (float)Math.Sqrt(frequency))]);
        double missed = 0, squares = 0;
        for (var i = 0; i < levels.Length; i++)
        {
            var error = levels[i] - (grid.Step * (grid.Multiples[i] - grid.Middle));
            (missed, squares) = (missed + (frequencies[i] * error * error), squares + (frequencies[i] * levels[i] * levels[i]));
        }

        var part = Math.Min(1, (double)CodesOfLargestError / levels.Length);
        return grid.IsExact || Math.Sqrt(missed / squares) <= LargestErrorOfGrid * part * part ? grid : null;
    }

    private static double[] Frequencies(float[] levels)
    {
        var order = Enumerable.Range(0, levels.Length).ToArray();
        Array.Sort(order, (a, b) => levels[a].CompareTo(levels[b]));
        var frequencies = new double[levels.Length];
        for (var i = 0; i < order.Length; i++)
        {
            // Levels that coincide are taken to be a float32 step apart.
            var (below, above) = ((double)levels[order[Math.Max(i - 1, 0)]], (double)levels[order[Math.Min(i + 1, order.Length - 1)]]);
            var distance = Math.Max(above - below, MathF.BitIncrement(MathF.Abs(levels[order[i]])) - MathF.Abs(levels[order[i]])) / (i > 0 && i < order.Length - 1 ? 2 : 1);
            frequencies[order[i]] = 1 / (distance * distance);
        }

        return frequencies;
    }
}
