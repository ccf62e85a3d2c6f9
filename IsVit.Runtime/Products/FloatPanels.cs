using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Runtime.Products;

/// <summary>A float right operand of [columns, depth] by panels, and what is added to each column.</summary>
internal sealed class FloatPanels
{
    /// <summary>Creates zeros.</summary>
    /// <param name="tiles">The loops that will compute.</param>
    /// <param name="columns">The number of columns.</param>
    /// <param name="depth">The length of a sum.</param>
    public FloatPanels(Tiles tiles, int columns, int depth)
    {
        (Tiles, Columns, Depth, PanelCount) = (tiles, columns, depth, Panel.Count(columns));
        Values = new(PanelCount * PanelLength);
        Bias = new(PanelCount * Panel.Width);
    }

    /// <summary>The loops that compute.</summary>
    public Tiles Tiles { get; }

    /// <summary>The number of columns.</summary>
    public int Columns { get; }

    /// <summary>The length of a sum.</summary>
    public int Depth { get; }

    /// <summary>The number of panels.</summary>
    public int PanelCount { get; }

    /// <summary>The number of elements of a panel.</summary>
    public int PanelLength => Depth * Panel.Width;

    /// <summary>The numbers, by panels.</summary>
    public AlignedBuffer<float> Values { get; }

    /// <summary>What is added to each column at the end.</summary>
    public AlignedBuffer<float> Bias { get; }

    /// <summary>Writes a column.</summary>
    /// <param name="column">The index of the column.</param>
    /// <param name="values">[depth].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void SetColumn(int column, ReadOnlySpan<float> values)
    {
        var target = Values.Span.Slice(column / Panel.Width * PanelLength, PanelLength);
        for (int k = 0, place = column % Panel.Width; k < values.Length; k++, place += Panel.Width)
        {
            target[place] = values[k];
        }
    }

    /// <summary>Writes columns.</summary>
    /// <param name="first">The index of the first.</param>
    /// <param name="values">[count, depth], row by row.</param>
    /// <param name="stride">The distance between rows.</param>
    /// <param name="count">The number of columns.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void SetColumns(int first, ReadOnlySpan<float> values, int stride, int count)
    {
        var done = 0;
        for (; done + 4 <= count && first % 4 == 0; done += 4)
        {
            var target = Values.Span.Slice((first + done) / Panel.Width * PanelLength, PanelLength)[((first + done) % Panel.Width)..];
            var k = 0;
            for (; k + 4 <= Depth; k += 4)
            {
                Transpose(values[((done * stride) + k)..], stride, target[(k * Panel.Width)..]);
            }

            for (; k < Depth; k++)
            {
                for (var i = 0; i < 4; i++)
                {
                    target[(k * Panel.Width) + i] = values[((done + i) * stride) + k];
                }
            }
        }

        for (; done < count; done++)
        {
            SetColumn(first + done, values.Slice(done * stride, Depth));
        }
    }

    /// <summary>Writes one element of each column.</summary>
    /// <param name="k">The index of the element.</param>
    /// <param name="values">[columns].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void SetRow(int k, ReadOnlySpan<float> values)
    {
        var target = Values.Span;
        for (int column = 0, place = k * Panel.Width; column < values.Length; column += Panel.Width, place += PanelLength)
        {
            values.Slice(column, Math.Min(Panel.Width, values.Length - column)).CopyTo(target[place..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(ReadOnlySpan<float> rows, int stride, Span<float> panel)
    {
        var (a, b) = (Vector128.Create(rows), Vector128.Create(rows[stride..]));
        var (c, d) = (Vector128.Create(rows[(2 * stride)..]), Vector128.Create(rows[(3 * stride)..]));
        for (var k = 0; k < 4; k++)
        {
            Vector128.Create(a[k], b[k], c[k], d[k]).CopyTo(panel[(k * Panel.Width)..]);
        }
    }
}
