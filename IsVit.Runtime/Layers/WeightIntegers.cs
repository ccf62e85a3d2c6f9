using System.Collections.Immutable;
using IsVit.Model.Quantization;
using IsVit.Runtime.Products;
using IsVit.Runtime.Quantizing;

namespace IsVit.Runtime.Layers;

/// <summary>What the codes of a quantized weight stand for, as bytes: number = scale[n] (byte + offset[n]), n the output channel.</summary>
internal sealed class WeightIntegers
{
    private const int LargestOffset = 1 << 12;
    private const int MiddleLevel = 128;

    // What a code's byte is before the middle is subtracted, 2^b for each channel; the code itself if there is none.
    private readonly ImmutableArray<byte>? _table;
    private readonly int _codeCount;
    private readonly int _middle;
    private readonly int _magnitude;
    private readonly float[] _scale;
    private readonly int[] _offset;

    private WeightIntegers(ImmutableArray<byte>? table, int codeCount, int middle, int magnitude, float[] scale, int[] offset) =>
        (_table, _codeCount, _middle, _magnitude, _scale, _offset) = (table, codeCount, middle, magnitude, scale, offset);

    /// <summary>Describes a weight, or returns null if its levels are no integers times a scale of the output channel.</summary>
    /// <param name="parameters">The weight's quantizer.</param>
    /// <param name="columns">The number of output channels.</param>
    public static WeightIntegers? Create(QuantizationParameters parameters, int columns)
    {
        if (parameters.SetCount != 1 && (parameters.SetCount != columns || parameters.Granularity is not Granularity.PerChannel { Axis: 0 }))
        {
            return null;
        }

        var codeCount = parameters.Bits.CodeCount;
        switch (parameters)
        {
            case AffineParameters affine when affine.ZeroPoint.All(point => Math.Abs(point) <= LargestOffset):
                return new(null, codeCount, codeCount / 2, codeCount / 2, OfColumns(affine.Scale, columns), Array.ConvertAll(OfColumns(affine.ZeroPoint, columns), point => (codeCount / 2) - (int)point));
            case ChannelLevelsParameters levels:
                var table = levels.Table.AsSpan();
                var largest = 0;
                foreach (var level in table)
                {
                    largest = Math.Max(largest, Math.Abs(level - MiddleLevel));
                }

                return new(levels.Table, codeCount, MiddleLevel, largest, OfColumns(levels.Scale, columns), Array.ConvertAll(OfColumns(levels.ZeroPoint, columns), static point => MiddleLevel - point));
            default:
                return null;
        }
    }

    /// <summary>Whether 32 bits hold all sums with a left operand of codes.</summary>
    public bool Fit(LeftIntegers left, int depth)
    {
        var largest = (long)_magnitude + _offset.Max(Math.Abs);
        return left.AreLevels || depth * (left.Maximum + (long)Math.Abs(left.ZeroPoint)) * largest <= int.MaxValue;
    }

    /// <summary>The weight as a right operand.</summary>
    /// <param name="tiles">The loops that will compute.</param>
    /// <param name="codes">[columns, depth]; overwritten.</param>
    /// <param name="depth">The number of inputs.</param>
    /// <param name="left">The left operand.</param>
    /// <param name="leftScale">What an integer of the left operand stands for.</param>
    /// <param name="bias">[columns], or null for zeros.</param>
    public IntegerPanels Pack(Tiles tiles, Span<byte> codes, int depth, LeftIntegers left, float leftScale, float[]? bias)
    {
        var columns = _scale.Length;
        var panels = new IntegerPanels(tiles, columns, depth, left, _magnitude) { HasOffsets = _offset.Any(static offset => offset != 0) };
        for (var column = 0; column < columns; column++)
        {
            var row = codes.Slice(column * depth, depth);
            if (_table is { } tables)
            {
                var table = tables.AsSpan(tables.Length == _codeCount ? 0 : column * _codeCount, _codeCount);
                CodeTable.Replace(row, table);
            }

            var sum = panels.SetColumn(column, row, _middle);
            panels.Offset.Span[column] = _offset[column];
            panels.Scale.Span[column] = leftScale * _scale[column];
            panels.Bias.Span[column] = bias?[column] ?? 0;
            panels.SetSum(column, sum);
        }

        return panels;
    }

    private static T[] OfColumns<T>(ImmutableArray<T> values, int columns)
    {
        var all = new T[columns];
        if (values.Length == 1)
        {
            Array.Fill(all, values[0]);
        }
        else
        {
            values.CopyTo(all);
        }

        return all;
    }
}
