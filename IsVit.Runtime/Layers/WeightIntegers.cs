using IsVit.Model.Quantization;
using IsVit.Runtime.Products;

namespace IsVit.Runtime.Layers;

/// <summary>What the codes of a quantized weight stand for, as bytes: number = scale[n] (byte + offset[n]), n the output channel.</summary>
internal sealed class WeightIntegers
{
    private const int LargestOffset = 1 << 12;
    private const int TableMiddle = 128;

    private readonly sbyte[] _table;
    private readonly int _codeCount;
    private readonly float[] _scale;
    private readonly int[] _offset;

    // Whether the byte of a code is the code less half of their number.
    private readonly bool _isShift;

    private WeightIntegers(sbyte[] table, int codeCount, float[] scale, int[] offset, bool isShift)
    {
        (_table, _codeCount, _scale, _offset, _isShift) = (table, codeCount, scale, offset, isShift);
        foreach (var value in table)
        {
            Magnitude = Math.Max(Magnitude, Math.Abs((int)value));
        }
    }

    private int Magnitude { get; }

    /// <summary>Describes a weight, or returns null if its levels are no integers times a scale of the output channel.</summary>
    /// <param name="parameters">The weight's quantizer.</param>
    /// <param name="columns">The number of output channels.</param>
    public static WeightIntegers? Create(QuantizationParameters parameters, int columns)
    {
        if (parameters.SetCount != 1 && (parameters.SetCount != columns || parameters.Granularity is not Granularity.PerChannel { Axis: 0 }))
        {
            return null;
        }

        var sets = Enumerable.Range(0, columns).Select(column => parameters.SetCount == 1 ? 0 : column);
        var codeCount = parameters.Bits.CodeCount;
        return parameters switch
        {
            AffineParameters affine when affine.ZeroPoint.All(point => Math.Abs(point) <= LargestOffset) => new(
                [.. Enumerable.Range(0, codeCount).Select(code => (sbyte)(code - (codeCount / 2)))],
                codeCount,
                [.. sets.Select(set => affine.Scale[set])],
                [.. sets.Select(set => (codeCount / 2) - (int)affine.ZeroPoint[set])],
                isShift: true),
            ChannelLevelsParameters levels => new(
                [.. sets.SelectMany(set => levels.Table.AsSpan().Slice(set * codeCount, codeCount).ToArray()).Select(static level => (sbyte)(level - 128))],
                codeCount,
                [.. sets.Select(set => levels.Scale[set])],
                [.. sets.Select(set => 128 - levels.ZeroPoint[set])],
                isShift: false),
            _ => null,
        };
    }

    /// <summary>Whether 32 bits hold all sums with a left operand of codes.</summary>
    public bool Fit(LeftIntegers left, int depth)
    {
        var largest = (long)Magnitude + _offset.Max(Math.Abs);
        return left.AreLevels || depth * (left.Maximum + (long)Math.Abs(left.ZeroPoint)) * largest <= int.MaxValue;
    }

    /// <summary>The weight as a right operand.</summary>
    /// <param name="tiles">The loops that will compute.</param>
    /// <param name="codes">[columns, depth]; overwritten.</param>
    /// <param name="depth">The number of inputs.</param>
    /// <param name="left">The left operand.</param>
    /// <param name="leftScale">What an integer of the left operand stands for.</param>
    /// <param name="bias">[columns], or null for zeros.</param>
    public IntegerPanels Pack(Tiles tiles, byte[] codes, int depth, LeftIntegers left, float leftScale, float[]? bias)
    {
        var columns = _scale.Length;
        var panels = new IntegerPanels(tiles, columns, depth, left, Magnitude) { HasOffsets = _offset.Any(static offset => offset != 0) };
        for (var column = 0; column < columns; column++)
        {
            var row = codes.AsSpan(column * depth, depth);
            if (!_isShift)
            {
                var table = _table.AsSpan(_table.Length == _codeCount ? 0 : column * _codeCount, _codeCount);
                foreach (ref var code in row)
                {
                    code = (byte)(table[code] + TableMiddle);
                }
            }

            panels.Zero.Span[column] = left.ZeroPoint * panels.SetColumn(column, row, _isShift ? _codeCount / 2 : TableMiddle);
            panels.Offset.Span[column] = _offset[column];
            panels.Scale.Span[column] = leftScale * _scale[column];
        }

        bias?.CopyTo(panels.Bias.Span);
        return panels;
    }
}
