using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Runtime.Products;

/// <summary>Products of integer operands: the loops over tiles, and from sums to numbers.</summary>
internal static unsafe class IntegerProduct
{
    private const int TileLength = Tiles.Rows * 4 * Panel.Width;

    /// <summary>Multiplies codes.</summary>
    /// <param name="left">Codes, <paramref name="stride"/> apart row by row, zeros from the depth to the filled depth; memory of whole tiles of rows.</param>
    /// <param name="start">The index of the first.</param>
    /// <param name="stride">The distance between rows.</param>
    /// <param name="rest">The sum of each row less depth times the zero point; memory of whole tiles of rows.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="right">The right operand.</param>
    /// <param name="output">Receives rows of [panels x 16] numbers; memory of whole tiles of rows.</param>
    /// <param name="outputStride">The distance between rows of the output.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(AlignedBuffer<byte> left, int start, int stride, ReadOnlySpan<int> rest, int rows, IntegerPanels right, Span<float> output, int outputStride)
    {
        var sums = stackalloc int[TileLength];
        var filled = RowsOfTiles(rows);
        Require(rest, filled, right, output, outputStride);
        var x = left.At(start, ((filled - 1) * stride) + right.FilledDepth);
        var w = right.Values.At(0, right.PanelCount * right.PanelLength);
        var tiles = right.Tiles;
        var steps = right.FilledDepth / right.Step;
        fixed (float* numbers = output)
        {
            fixed (int* rests = rest)
            {
                for (int panel = 0, panels; panel < right.PanelCount; panel += panels)
                {
                    panels = right.Form == IntegerForm.Bytes && right.PanelCount - panel >= tiles.WidePanels ? tiles.WidePanels : 1;
                    var columns = w + ((nint)panel * right.PanelLength);
                    for (var row = 0; row < rows; row += Tiles.Rows)
                    {
                        var first = x + ((nint)row * stride);
                        if (right.Form == IntegerForm.Dots)
                        {
                            tiles.Dots(first, stride, columns, right.PanelLength, steps, sums);
                        }
                        else if (panels > 1)
                        {
                            tiles.WideBytes(first, stride, columns, right.PanelLength, steps, right.Run, sums);
                        }
                        else
                        {
                            tiles.Bytes(first, stride, columns, right.PanelLength, steps, right.Run, sums);
                        }

                        Scale(sums, panel, panels, rests + row, right, numbers + ((nint)row * outputStride), outputStride);
                    }
                }
            }
        }

        GC.KeepAlive(left);
        GC.KeepAlive(right);
    }

    /// <summary>Multiplies 16-bit numbers: levels of a grid, or codes.</summary>
    /// <inheritdoc cref="Multiply(AlignedBuffer{byte}, int, int, ReadOnlySpan{int}, int, IntegerPanels, Span{float}, int)"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(AlignedBuffer<short> left, int start, int stride, ReadOnlySpan<int> rest, int rows, IntegerPanels right, Span<float> output, int outputStride)
    {
        var sums = stackalloc int[TileLength];
        var filled = RowsOfTiles(rows);
        Require(rest, filled, right, output, outputStride);
        var x = left.At(start, ((filled - 1) * stride) + right.FilledDepth);
        var w = right.Values.At(0, right.PanelCount * right.PanelLength);
        var tiles = right.Tiles;
        fixed (float* all = output)
        {
            fixed (int* rests = rest)
            {
                for (int panel = 0, panels; panel < right.PanelCount; panel += panels)
                {
                    panels = right.PanelCount - panel >= tiles.WidePanels ? tiles.WidePanels : 1;
                    var multiply = panels > 1 ? tiles.WideShorts : tiles.Shorts;
                    var columns = w + ((nint)panel * right.PanelLength);
                    for (var row = 0; row < rows; row += Tiles.Rows)
                    {
                        var first = x + ((nint)row * stride);
                        var numbers = all + ((nint)row * outputStride);
                        var k = 0;
                        for (; right.FilledDepth - k > right.Block; k += right.Block)
                        {
                            multiply(first + k, stride, columns + ((nint)k * Panel.Width), right.PanelLength, right.Block / right.Step, sums);
                            AddBlock(sums, panel, panels, k == 0, numbers, outputStride);
                        }

                        multiply(first + k, stride, columns + ((nint)k * Panel.Width), right.PanelLength, (right.FilledDepth - k) / right.Step, sums);
                        if (right.Left.AreLevels)
                        {
                            ScaleLevels(sums, panel, panels, k == 0, rests + row, right, numbers, outputStride);
                        }
                        else
                        {
                            Scale(sums, panel, panels, rests + row, right, numbers, outputStride);
                        }
                    }
                }
            }
        }

        GC.KeepAlive(left);
        GC.KeepAlive(right);
    }

    /// <summary>A number of rows up to the end of the last tile.</summary>
    public static int RowsOfTiles(int rows) => (rows + Tiles.Rows - 1) / Tiles.Rows * Tiles.Rows;

    private static void Require(ReadOnlySpan<int> rest, int filled, IntegerPanels right, Span<float> output, int outputStride)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rest.Length, filled, nameof(rest));
        ArgumentOutOfRangeException.ThrowIfLessThan(outputStride, right.PanelCount * Panel.Width, nameof(outputStride));
        ArgumentOutOfRangeException.ThrowIfLessThan(output.Length, ((filled - 1) * outputStride) + (right.PanelCount * Panel.Width), nameof(output));
    }

    /// <summary>All of this is exact up to the conversion to float, one multiplication and one addition.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale(int* sums, int panel, int panels, int* rest, IntegerPanels right, float* output, nint stride)
    {
        var start = panel * Panel.Width;
        var width = panels * Panel.Width;
        var zero = right.Zero.At(start, width);
        var offset = right.Offset.At(start, width);
        var scale = right.Scale.At(start, width);
        var bias = right.Bias.At(start, width);
        var hasOffsets = right.HasOffsets;
        output += start;
        for (var i = 0; i < width; i += Panel.Width)
        {
            var (zeros, offsets) = (Vector512.Load(zero + i), Vector512.Load(offset + i));
            var (scales, biases) = (Vector512.Load(scale + i), Vector512.Load(bias + i));
            for (var row = 0; row < Tiles.Rows; row++)
            {
                var sum = Vector512.Load(sums + (row * width) + i) - zeros;
                if (hasOffsets)
                {
                    sum += offsets * Vector512.Create(rest[row]);
                }

                MultiplyAdd(Vector512.ConvertToSingle(sum), scales, biases).Store(output + (row * stride) + i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddBlock(int* sums, int panel, int panels, bool isFirst, float* output, nint stride)
    {
        var width = panels * Panel.Width;
        output += panel * Panel.Width;
        for (var row = 0; row < Tiles.Rows; row++, sums += width, output += stride)
        {
            for (var i = 0; i < width; i += Panel.Width)
            {
                var sum = Vector512.ConvertToSingle(Vector512.Load(sums + i));
                (isFirst ? sum : sum + Vector512.Load(output + i)).Store(output + i);
            }
        }
    }

    /// <summary>The last block, the others' sums, if there are any, being in the output.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScaleLevels(int* sums, int panel, int panels, bool isOnly, int* rest, IntegerPanels right, float* output, nint stride)
    {
        var start = panel * Panel.Width;
        var width = panels * Panel.Width;
        var offset = right.Offset.At(start, width);
        var scale = right.Scale.At(start, width);
        var bias = right.Bias.At(start, width);
        output += start;
        for (var i = 0; i < width; i += Panel.Width)
        {
            var offsets = Vector512.ConvertToSingle(Vector512.Load(offset + i));
            var (scales, biases) = (Vector512.Load(scale + i), Vector512.Load(bias + i));
            for (var row = 0; row < Tiles.Rows; row++)
            {
                var numbers = output + (row * stride) + i;
                var sum = Vector512.ConvertToSingle(Vector512.Load(sums + (row * width) + i));
                sum = isOnly ? sum : sum + Vector512.Load(numbers);
                MultiplyAdd(MultiplyAdd(offsets, Vector512.Create((float)rest[row]), sum), scales, biases).Store(numbers);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> MultiplyAdd(Vector512<float> x, Vector512<float> y, Vector512<float> z) =>
#if NET9_0_OR_GREATER
        Vector512.FusedMultiplyAdd(x, y, z);
#else
        (x * y) + z;
#endif
}
