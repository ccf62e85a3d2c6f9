using System.Buffers;

namespace IsVit.Detection.Masks;

/// <summary>Finds the runs of a mask that is given as pixels.</summary>
internal static class PixelRuns
{
    private const int Block = 32;

    public static int[] EdgesOf(ReadOnlySpan<byte> pixels, int height, int width)
    {
        var first = pixels.IndexOfAnyExcept((byte)0);
        if (first < 0)
        {
            return [];
        }

        // Only rows that hold a one are looked at by column; most objects take a part of the picture.
        var top = first / width;
        var rows = (pixels.LastIndexOfAnyExcept((byte)0) / width) - top + 1;
        var columns = ArrayPool<byte>.Shared.Rent(rows * width);
        try
        {
            Transpose(pixels.Slice(top * width, rows * width), columns, rows, width);
            var edges = new EdgeList(16);
            for (var x = 0; x < width; x++)
            {
                AddColumn(edges, columns.AsSpan(x * rows, rows), (x * height) + top);
            }

            return edges.Close(height * width);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(columns);
        }
    }

    private static void AddColumn(EdgeList edges, ReadOnlySpan<byte> column, int begin)
    {
        for (var y = 0; y < column.Length;)
        {
            var start = column[y..].IndexOfAnyExcept((byte)0);
            if (start < 0)
            {
                return;
            }

            y += start;
            var length = column[y..].IndexOf((byte)0);
            length = length < 0 ? column.Length - y : length;
            edges.Toggle(begin + y);
            edges.Toggle(begin + y + length);
            y += length;
        }
    }

    // In blocks, whose rows and columns both stay in the cache.
    private static void Transpose(ReadOnlySpan<byte> source, Span<byte> target, int rows, int columns)
    {
        for (var y0 = 0; y0 < rows; y0 += Block)
        {
            var y1 = Math.Min(y0 + Block, rows);
            for (var x0 = 0; x0 < columns; x0 += Block)
            {
                var x1 = Math.Min(x0 + Block, columns);
                for (var x = x0; x < x1; x++)
                {
                    for (var y = y0; y < y1; y++)
                    {
                        target[(x * rows) + y] = source[(y * columns) + x];
                    }
                }
            }
        }
    }
}
