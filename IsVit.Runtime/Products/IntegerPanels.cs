using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace IsVit.Runtime.Products;

/// <summary>
/// An integer right operand W of [columns, depth] by panels. The number of its column n is Scale[n] (w + Offset[n]), the number of a left operand's element is scale (x - zero point), so that
/// <code>y[m, n] = Scale[n] (sum x w - Zero[n] + Offset[n] Rest[m]) + Bias[n]</code>
/// with Zero[n] = zero point * sum of w, which for levels is in the bias since 32 bits do not hold it, Rest[m] = sum of x - depth * zero point, and the left operand's scale inside Scale (docs/runtime.md).
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

    /// <summary>Writes a column of codes.</summary>
    /// <param name="column">The index of the column.</param>
    /// <param name="codes">[depth]; overwritten.</param>
    /// <param name="middle">What is subtracted from each, so that it fits a signed byte.</param>
    /// <returns>The sum of what was written.</returns>
    public int SetColumn(int column, Span<byte> codes, int middle)
    {
        var sum = IntegerSums.Of(codes) - (codes.Length * middle);
        IntegerSums.Subtract(codes, (byte)middle);
        var target = MemoryMarshal.AsBytes(Values.Span.Slice(column / Panel.Width * PanelLength, PanelLength));
        var place = column % Panel.Width;
        if (Step == 4)
        {
            SetSteps(MemoryMarshal.Cast<byte, uint>(target), place, MemoryMarshal.Cast<byte, uint>(codes));
        }
        else
        {
            SetSteps(MemoryMarshal.Cast<byte, ushort>(target), place, MemoryMarshal.Cast<byte, ushort>(codes));
        }

        for (var k = codes.Length / Step * Step; k < codes.Length; k++)
        {
            target[(k / Step * Panel.Width * Step) + (place * Step) + (k % Step)] = codes[k];
        }

        return sum;
    }

    /// <summary>Takes a column's sum off what is computed, as often as the zero point says. Its scale and bias must be there.</summary>
    /// <param name="column">The index of the column.</param>
    /// <param name="sum">The sum of w.</param>
    public void SetSum(int column, int sum)
    {
        if (Left.AreLevels)
        {
            Bias.Span[column] = (float)(Bias.Span[column] - ((double)Scale.Span[column] * Left.ZeroPoint * sum));
            return;
        }

        Zero.Span[column] = Left.ZeroPoint * sum;
    }

    /// <summary>Writes some elements of each column; <see cref="SumColumns"/> is to follow the last.</summary>
    /// <param name="k">The index of the first, a multiple of 4.</param>
    /// <param name="codes">[count, columns], row by row, signed bytes.</param>
    /// <param name="stride">The distance between rows.</param>
    /// <param name="count">The number of elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void SetRows(int k, ReadOnlySpan<byte> codes, int stride, int count)
    {
        var target = MemoryMarshal.AsBytes(Values.Span);
        for (var column = 0; column < Columns; column += Panel.Width)
        {
            var panel = target.Slice(column / Panel.Width * PanelLength, PanelLength)[(k * Panel.Width)..];
            var row = 0;
            for (; row + 4 <= count && column + Panel.Width <= Columns; row += 4)
            {
                Interleave(codes[((row * stride) + column)..], stride, panel[(row * Panel.Width)..]);
            }

            for (; row < count; row++)
            {
                for (var i = 0; i < Math.Min(Panel.Width, Columns - column); i++)
                {
                    panel[(row / Step * Panel.Width * Step) + (i * Step) + (row % Step)] = codes[(row * stride) + column + i];
                }
            }
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

            SetSum(column, sum);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SetSteps<T>(Span<T> panel, int place, ReadOnlySpan<T> steps)
    {
        for (var step = 0; step < steps.Length; step++, place += Panel.Width)
        {
            panel[place] = steps[step];
        }
    }

    /// <summary>Writes four elements of 16 columns: one step of 4, or two of 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Interleave(ReadOnlySpan<byte> rows, int stride, Span<byte> panel)
    {
        var (first, second) = (Vector128.Create(rows), Vector128.Create(rows[stride..]));
        var (third, fourth) = (Vector128.Create(rows[(2 * stride)..]), Vector128.Create(rows[(3 * stride)..]));
        var (low, high) = Zip(first, second);
        var (nextLow, nextHigh) = Zip(third, fourth);
        if (Step == 2)
        {
            low.CopyTo(panel);
            high.CopyTo(panel[16..]);
            nextLow.CopyTo(panel[32..]);
            nextHigh.CopyTo(panel[48..]);
            return;
        }

        var (part0, part1) = Zip(low.AsUInt16(), nextLow.AsUInt16());
        var (part2, part3) = Zip(high.AsUInt16(), nextHigh.AsUInt16());
        part0.AsByte().CopyTo(panel);
        part1.AsByte().CopyTo(panel[16..]);
        part2.AsByte().CopyTo(panel[32..]);
        part3.AsByte().CopyTo(panel[48..]);
    }

    private static (Vector128<byte> Low, Vector128<byte> High) Zip(Vector128<byte> left, Vector128<byte> right)
    {
        var (leftLow, leftHigh) = Vector128.Widen(left);
        var (rightLow, rightHigh) = Vector128.Widen(right);
        return ((leftLow | (rightLow << 8)).AsByte(), (leftHigh | (rightHigh << 8)).AsByte());
    }

    private static (Vector128<ushort> Low, Vector128<ushort> High) Zip(Vector128<ushort> left, Vector128<ushort> right)
    {
        var (leftLow, leftHigh) = Vector128.Widen(left);
        var (rightLow, rightHigh) = Vector128.Widen(right);
        return ((leftLow | (rightLow << 16)).AsUInt16(), (leftHigh | (rightHigh << 16)).AsUInt16());
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
