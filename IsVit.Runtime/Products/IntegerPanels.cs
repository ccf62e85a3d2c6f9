namespace IsVit.Runtime.Products;

/// <summary>
/// An integer right operand W of [columns, depth] by panels. The number of its column n is Scale[n] (w + Offset[n]), the number of a left operand's element is scale (x - zero point), so that
/// <code>y[m, n] = Scale[n] (sum x w - Zero[n] + Offset[n] Rest[m]) + Bias[n]</code>
/// with Zero[n] = zero point * sum of w, Rest[m] = sum of x - depth * zero point, and the left operand's scale inside Scale (docs/runtime.md).
/// </summary>
internal sealed class IntegerPanels
{
    private const int ShortMaximum = short.MaxValue;

    /// <summary>Creates zeros.</summary>
    /// <param name="tiles">The loops that will compute.</param>
    /// <param name="columns">The number of columns.</param>
    /// <param name="depth">The length of a sum.</param>
    /// <param name="left">What the left operand holds.</param>
    /// <param name="magnitude">The largest |w|.</param>
    /// <param name="values">Memory for the integers that is used if it has the right length, with zeros where an operand of the same columns and depth has none; null for new memory.</param>
    public IntegerPanels(Tiles tiles, int columns, int depth, LeftIntegers left, int magnitude, AlignedBuffer<sbyte>? values = null)
    {
        (Tiles, Columns, Depth, Left) = (tiles, columns, depth, left);
        (Form, Run) = Choose(tiles, left, magnitude);
        Step = Form == IntegerForm.Shorts ? 2 : 4;
        FilledDepth = Panel.Filled(depth, Step);
        PanelCount = Panel.Count(columns);
        Block = left.AreLevels ? Math.Max(Step, (int)Math.Min(FilledDepth, int.MaxValue / ((long)left.Maximum * Math.Max(1, magnitude)) / Step * Step)) : FilledDepth;
        Values = values?.Length == PanelCount * PanelLength ? values : new(PanelCount * PanelLength);
        Scale = new(PanelCount * Panel.Width);
        Bias = new(PanelCount * Panel.Width);
        Zero = new(PanelCount * Panel.Width);
        Offset = new(PanelCount * Panel.Width);
    }

    /// <summary>The loops that compute.</summary>
    public Tiles Tiles { get; }

    /// <summary>The number of columns.</summary>
    public int Columns { get; }

    /// <summary>The length of a sum.</summary>
    public int Depth { get; }

    /// <summary>The depth with the zeros that fill the last step; a row of the left operand has as many elements.</summary>
    public int FilledDepth { get; }

    /// <summary>What the left operand holds.</summary>
    public LeftIntegers Left { get; }

    /// <summary>How products are computed.</summary>
    public IntegerForm Form { get; }

    /// <summary>After how many steps 16-bit sums are widened.</summary>
    public int Run { get; }

    /// <summary>The number of elements of a column in a step.</summary>
    public int Step { get; }

    /// <summary>How much of the depth 32-bit sums can hold.</summary>
    public int Block { get; }

    /// <summary>The number of panels.</summary>
    public int PanelCount { get; }

    /// <summary>The number of elements of a panel.</summary>
    public int PanelLength => FilledDepth * Panel.Width;

    /// <summary>The integers w, by panels.</summary>
    public AlignedBuffer<sbyte> Values { get; }

    /// <summary>For each column its scale times that of the left operand.</summary>
    public AlignedBuffer<float> Scale { get; }

    /// <summary>What is added to each column at the end.</summary>
    public AlignedBuffer<float> Bias { get; }

    /// <summary>For each column the zero point of the left operand times the sum of w.</summary>
    public AlignedBuffer<int> Zero { get; }

    /// <summary>For each column what is added to w.</summary>
    public AlignedBuffer<int> Offset { get; }

    /// <summary>Whether the left operand's sums are needed.</summary>
    public bool HasOffsets { get; set; }

    /// <summary>Writes a column.</summary>
    /// <param name="column">The index of the column.</param>
    /// <param name="values">[depth].</param>
    /// <returns>The sum of the values.</returns>
    public int SetColumn(int column, ReadOnlySpan<sbyte> values)
    {
        var target = Values.Span.Slice(column / Panel.Width * PanelLength, PanelLength);
        var sum = 0;
        var place = column % Panel.Width * Step;
        for (var k = 0; k < values.Length; k += Step, place += Panel.Width * Step)
        {
            for (var i = 0; i < Step && k + i < values.Length; i++)
            {
                target[place + i] = values[k + i];
                sum += values[k + i];
            }
        }

        return sum;
    }

    /// <summary>Writes a column of codes.</summary>
    /// <param name="column">The index of the column.</param>
    /// <param name="codes">[depth].</param>
    /// <param name="middle">What is subtracted from each, so that it fits a signed byte.</param>
    /// <returns>The sum of what was written.</returns>
    public int SetColumn(int column, ReadOnlySpan<byte> codes, int middle)
    {
        var target = Values.Span.Slice(column / Panel.Width * PanelLength, PanelLength);
        var place = column % Panel.Width * Step;
        for (var k = 0; k < codes.Length; k += Step, place += Panel.Width * Step)
        {
            for (var i = 0; i < Step && k + i < codes.Length; i++)
            {
                target[place + i] = (sbyte)(codes[k + i] - middle);
            }
        }

        return IntegerSums.Of(codes) - (codes.Length * middle);
    }

    /// <summary>Writes one element of each column; <see cref="SumColumns"/> is to follow the last.</summary>
    /// <param name="k">The index of the element.</param>
    /// <param name="codes">[columns].</param>
    /// <param name="middle">What is subtracted from each, so that it fits a signed byte.</param>
    public void SetRow(int k, ReadOnlySpan<byte> codes, int middle)
    {
        var target = Values.Span;
        var step = k / Step * Panel.Width * Step;
        for (var column = 0; column < codes.Length; column++)
        {
            target[(column / Panel.Width * PanelLength) + step + (column % Panel.Width * Step) + (k % Step)] = (sbyte)(codes[column] - middle);
        }
    }

    /// <summary>Brings <see cref="Zero"/> up to date with the elements. Several threads may do so at a time.</summary>
    public void SumColumns()
    {
        if (Left.ZeroPoint == 0)
        {
            return;
        }

        for (var column = 0; column < Columns; column++)
        {
            var sum = 0;
            var start = (column / Panel.Width * PanelLength) + (column % Panel.Width * Step);
            for (var k = 0; k < Depth; k++)
            {
                sum += Values.Span[start + (k / Step * Panel.Width * Step) + (k % Step)];
            }

            Zero.Span[column] = Left.ZeroPoint * sum;
        }
    }

    private static (IntegerForm Form, int Run) Choose(Tiles tiles, LeftIntegers left, int magnitude)
    {
        if (left.AreLevels)
        {
            return (IntegerForm.Shorts, 0);
        }

        // Two products are added before the first 16-bit addition; a sum that is widened holds run of these pairs.
        var run = ShortMaximum / (2 * left.Maximum * Math.Max(1, magnitude));
        unsafe
        {
            const int WorthWhile = 3;
            return tiles switch
            {
                { WideBytes: not null } when run >= WorthWhile || (run >= 1 && tiles.Dots is null) => (IntegerForm.Bytes, run),
                { Dots: not null } => (IntegerForm.Dots, 0),
                _ => (IntegerForm.Shorts, 0),
            };
        }
    }
}
