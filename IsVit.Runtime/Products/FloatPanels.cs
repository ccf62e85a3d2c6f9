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
    public void SetColumn(int column, ReadOnlySpan<float> values)
    {
        var target = Values.Span.Slice(column / Panel.Width * PanelLength, PanelLength);
        for (int k = 0, place = column % Panel.Width; k < values.Length; k++, place += Panel.Width)
        {
            target[place] = values[k];
        }
    }

    /// <summary>Writes one element of each column.</summary>
    /// <param name="k">The index of the element.</param>
    /// <param name="values">[columns].</param>
    public void SetRow(int k, ReadOnlySpan<float> values)
    {
        var target = Values.Span;
        for (int column = 0, place = k * Panel.Width; column < values.Length; column += Panel.Width, place += PanelLength)
        {
            values.Slice(column, Math.Min(Panel.Width, values.Length - column)).CopyTo(target[place..]);
        }
    }
}
