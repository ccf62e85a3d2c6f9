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
            var source = input.Slice(row * inputStride, depth);
            var target = numbers.Slice(row * filled, filled);
            if (_levels is not null)
            {
                sums[row] = Coder!.Look(source, _levels, target[..depth], codes) - zeros;
            }
            else
            {
                Coder!.Encode(source, codes[..depth]);
                IntegerSums.Widen(codes[..depth], target);
                sums[row] = IntegerSums.Of(target[..depth]) - zeros;
            }

            target[depth..].Clear();
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
                Coder.Round(source, target, codes);
            }
        }
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
