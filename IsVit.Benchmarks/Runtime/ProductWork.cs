using System.Runtime.InteropServices;
using IsVit.Runtime.Products;

namespace IsVit.Benchmarks.Runtime;

/// <summary>A linear layer's product over the tokens of an image, on integers and in float.</summary>
internal sealed class ProductWork : IDisposable
{
    private readonly IntegerPanels _integers;
    private readonly AlignedBuffer<byte> _codes;
    private readonly AlignedBuffer<short> _shorts;
    private readonly int[] _rest;
    private readonly FloatPanels _floats;
    private readonly AlignedBuffer<float> _numbers;
    private readonly float[] _output;
    private readonly int _rows;

    private ProductWork(Tiles tiles, ProductShape shape, LeftIntegers left, int magnitude)
    {
        var random = new Random(0);
        _rows = shape.Rows;
        _integers = new(tiles, shape.Columns, shape.Depth, left, magnitude) { HasOffsets = true };
        _floats = new(tiles, shape.Columns, shape.Depth);
        var weights = new sbyte[shape.Depth];
        for (var column = 0; column < shape.Columns; column++)
        {
            for (var k = 0; k < weights.Length; k++)
            {
                weights[k] = (sbyte)random.Next(-magnitude, magnitude);
            }

            _integers.SetColumn(column, MemoryMarshal.AsBytes(weights.AsSpan()), middle: 0);
        }

        var filled = IntegerProduct.RowsOfTiles(shape.Rows);
        _codes = new(filled * _integers.FilledDepth);
        _shorts = new(filled * _integers.FilledDepth);
        _numbers = new(filled * shape.Depth);
        for (var i = 0; i < _codes.Length; i++)
        {
            _codes.Span[i] = (byte)random.Next(Math.Min(left.Maximum, byte.MaxValue) + 1);
            _shorts.Span[i] = _codes.Span[i];
        }

        _rest = new int[filled];
        _output = new float[filled * _integers.PanelCount * Panel.Width];
    }

    /// <summary>The number of multiplications.</summary>
    public double Products => (double)_rows * _integers.Columns * _integers.Depth;

    /// <summary>How integers are multiplied.</summary>
    public string Form => _integers.Left.AreLevels ? "levels" : _integers.Form.ToString();

    /// <summary>Codes of some bits times weights of some.</summary>
    public static ProductWork OfCodes(Tiles tiles, ProductShape shape, int bits, int weightBits) => new(tiles, shape, new((1 << bits) - 1, 0, AreLevels: false), 1 << (weightBits - 1));

    /// <summary>Levels on a grid of 16 bits times weights of 8.</summary>
    public static ProductWork OfLevels(Tiles tiles, ProductShape shape) => new(tiles, shape, new(short.MaxValue, 0, AreLevels: true), 1 << 7);

    /// <summary>Multiplies integers.</summary>
    public void Integers()
    {
        if (_integers.Form == IntegerForm.Shorts)
        {
            IntegerProduct.Multiply(_shorts, 0, _integers.FilledDepth, _rest, _rows, _integers, _output, _integers.PanelCount * Panel.Width);
        }
        else
        {
            IntegerProduct.Multiply(_codes, 0, _integers.FilledDepth, _rest, _rows, _integers, _output, _integers.PanelCount * Panel.Width);
        }
    }

    /// <summary>Multiplies floats of the same shape.</summary>
    public void Floats() => FloatProduct.Multiply(_numbers, 0, _floats.Depth, _rows, _floats, _output, _floats.PanelCount * Panel.Width);

    /// <inheritdoc/>
    public void Dispose()
    {
        // Managed memory only; the guard disposes what it has measured.
    }
}
