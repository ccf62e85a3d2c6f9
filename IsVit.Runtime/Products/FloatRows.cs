using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IsVit.Runtime.Products;

/// <summary>Results that stay numbers, in rows.</summary>
internal readonly unsafe struct FloatRows : ITileResults
{
    private readonly float* _output;
    private readonly nint _stride;

    /// <summary>Describes rows in memory that does not move.</summary>
    /// <param name="output">The memory; it is kept alive by the caller.</param>
    /// <param name="stride">The distance between rows.</param>
    /// <param name="rows">The number of rows; there must be memory for whole tiles of them.</param>
    /// <param name="columns">The number of columns, whole panels.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rows do not fit.</exception>
    public FloatRows(Span<float> output, int stride, int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, columns);
        ArgumentOutOfRangeException.ThrowIfLessThan(output.Length, ((IntegerProduct.RowsOfTiles(rows) - 1) * stride) + columns, nameof(output));
        _output = (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(output));
        _stride = stride;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* Place(float* tile, int row, int column, int width, out nint distance)
    {
        distance = _stride;
        return _output + (row * _stride) + column;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Accept(float* tile, int row, int column, int width)
    {
    }
}
