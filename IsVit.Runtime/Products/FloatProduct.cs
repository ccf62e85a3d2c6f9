using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Runtime.Products;

/// <summary>Products of float operands, for sites that are not quantized and levels that are no integers.</summary>
internal static unsafe class FloatProduct
{
    private const int TileLength = Tiles.Rows * 4 * Panel.Width;

    /// <summary>Multiplies.</summary>
    /// <param name="left">Numbers, <paramref name="stride"/> apart row by row; memory of whole tiles of rows.</param>
    /// <param name="start">The index of the first.</param>
    /// <param name="stride">The distance between rows.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="right">The right operand.</param>
    /// <param name="output">Receives rows of [panels x 16] numbers; memory of whole tiles of rows.</param>
    /// <param name="outputStride">The distance between rows of the output.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(AlignedBuffer<float> left, int start, int stride, int rows, FloatPanels right, Span<float> output, int outputStride)
    {
        var sums = stackalloc float[TileLength];
        var filled = IntegerProduct.RowsOfTiles(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(outputStride, right.PanelCount * Panel.Width);
        ArgumentOutOfRangeException.ThrowIfLessThan(output.Length, ((filled - 1) * outputStride) + (right.PanelCount * Panel.Width), nameof(output));
        var x = left.At(start, ((filled - 1) * stride) + right.Depth);
        var w = right.Values.At(0, right.PanelCount * right.PanelLength);
        var tiles = right.Tiles;
        for (int panel = 0, panels; panel < right.PanelCount; panel += panels)
        {
            panels = right.PanelCount - panel >= tiles.WidePanels ? tiles.WidePanels : 1;
            var multiply = panels > 1 ? tiles.WideFloats : tiles.Floats;
            var width = panels * Panel.Width;
            var bias = right.Bias.At(panel * Panel.Width, width);
            for (var row = 0; row < rows; row += Tiles.Rows)
            {
                multiply(x + ((nint)row * stride), stride, w + ((nint)panel * right.PanelLength), right.PanelLength, right.Depth, sums);
                for (var i = 0; i < Tiles.Rows; i++)
                {
                    var numbers = output.Slice(((row + i) * outputStride) + (panel * Panel.Width), width);
                    for (var j = 0; j < width; j += Panel.Width)
                    {
                        (Vector512.Load(sums + (i * width) + j) + Vector512.Load(bias + j)).CopyTo(numbers[j..]);
                    }
                }
            }
        }

        GC.KeepAlive(left);
        GC.KeepAlive(right);
    }
}
