using System.Numerics;
using IsVit.Quantizers.Native;
using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.Kernels;

/// <summary>One-pass kernels for float32, float64 and bfloat16 on the CPU; every bit equals that of the separate tensor operations they stand for.</summary>
internal static unsafe class FusedCpu
{
    /// <summary>Whether the kernels serve this tensor.</summary>
    public static bool Supports(torch.Tensor x) =>
        KernelSwitch.FusedAllowed
        && x.dtype is torch.ScalarType.Float32 or torch.ScalarType.Float64 or torch.ScalarType.BFloat16
        && x.device_type == DeviceType.CPU
        && !x.is_sparse;

    /// <summary>A uniform quantizer's values, or its gradient.</summary>
    /// <param name="x">The numbers.</param>
    /// <param name="gradient">The gradient from above, of the type and shape of <paramref name="x"/>; null for the values.</param>
    /// <param name="scale">Each channel's scale.</param>
    /// <param name="zeroPoint">Each channel's zero point.</param>
    /// <param name="maxCode">The largest code.</param>
    /// <param name="axis">The axis of channels, -1 per tensor.</param>
    public static torch.Tensor Uniform(torch.Tensor x, torch.Tensor? gradient, float[] scale, float[] zeroPoint, int maxCode, int axis) => x.dtype switch
    {
        torch.ScalarType.Float32 => Uniform<float, float>(x, gradient, scale, zeroPoint, maxCode, axis),
        torch.ScalarType.Float64 => Uniform<double, double>(x, gradient, Widen(scale), Widen(zeroPoint), maxCode, axis),
        _ => Uniform<BFloat16Bits, float>(x, gradient, scale, zeroPoint, maxCode, axis),
    };

    /// <summary>A table's levels, or the gradient.</summary>
    /// <param name="x">The numbers.</param>
    /// <param name="gradient">The gradient from above, of the type and shape of <paramref name="x"/>; null for the levels.</param>
    /// <param name="table">The table.</param>
    public static torch.Tensor Table(torch.Tensor x, torch.Tensor? gradient, LevelTable table) => x.dtype switch
    {
        torch.ScalarType.Float64 => TableInDouble(x, gradient, table),
        torch.ScalarType.Float32 => TableInFloat<float>(x, gradient, table),
        _ => TableInFloat<BFloat16Bits>(x, gradient, table),
    };

    /// <summary>The levels of each channel's table, or the gradient.</summary>
    /// <param name="x">The numbers.</param>
    /// <param name="gradient">The gradient from above, of the type and shape of <paramref name="x"/>; null for the levels.</param>
    /// <param name="tables">The tables.</param>
    /// <param name="levels">What is found in place of the tables' levels, laid out as they are; null for themselves.</param>
    /// <param name="axis">The axis of channels.</param>
    public static torch.Tensor Tables(torch.Tensor x, torch.Tensor? gradient, ChannelTables tables, float[]? levels, int axis) => x.dtype switch
    {
        torch.ScalarType.Float32 => Tables<float, float>(x, gradient, tables, tables.Thresholds, levels ?? tables.Levels, tables.Lowest, tables.Highest, axis),
        torch.ScalarType.Float64 => Tables<double, double>(x, gradient, tables, Widen(tables.Thresholds), Widen(levels ?? tables.Levels), Widen(tables.Lowest), Widen(tables.Highest), axis),
        _ => Tables<BFloat16Bits, float>(x, gradient, tables, tables.Thresholds, levels ?? tables.Levels, tables.Lowest, tables.Highest, axis),
    };

    private static torch.Tensor Tables<TElement, TNumber>(
        torch.Tensor x, torch.Tensor? gradient, ChannelTables tables, TNumber[] thresholds, TNumber[] levels, TNumber[] lowest, TNumber[] highest, int axis)
        where TElement : unmanaged
        where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
    {
        var operands = PassOperands<TElement>.Create(x, gradient, axis);
        fixed (TNumber* bounds = thresholds, values = levels, low = lowest, high = highest)
        {
            return gradient is null
                ? operands.Run(new ChannelTablePass<TElement, TNumber>(bounds, values, tables.ThresholdCount, operands.Layout))
                : operands.Run(new UniformPass<TElement, TNumber, InsideGradient>(low, high, operands.Layout, TNumber.Zero));
        }
    }

    private static torch.Tensor Uniform<TElement, TNumber>(torch.Tensor x, torch.Tensor? gradient, TNumber[] scale, TNumber[] zeroPoint, int maxCode, int axis)
        where TElement : unmanaged
        where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
    {
        var operands = PassOperands<TElement>.Create(x, gradient, axis);
        var max = TNumber.CreateTruncating(maxCode);
        fixed (TNumber* s = scale, z = zeroPoint)
        {
            return gradient is null
                ? operands.Run(new UniformPass<TElement, TNumber, UniformProject>(s, z, operands.Layout, max))
                : operands.Run(new UniformPass<TElement, TNumber, UniformGradient>(s, z, operands.Layout, max));
        }
    }

    private static torch.Tensor TableInFloat<TElement>(torch.Tensor x, torch.Tensor? gradient, LevelTable table)
        where TElement : unmanaged
    {
        if (table.Buckets is { } buckets)
        {
            fixed (LevelBuckets.Bucket* first = buckets.Buckets)
            {
                return Table<TElement, float, BucketTable>(x, gradient, new(first, buckets.Buckets.Length, buckets.First, buckets.Shift), table);
            }
        }

        fixed (float* thresholds = table.PaddedThresholds ?? table.Thresholds, levels = table.PaddedLevels ?? table.Levels)
        {
            return table.PaddedLevels is null
                ? Table<TElement, float, LongTable<float>>(x, gradient, new(thresholds, levels, table.Thresholds.Length), table)
                : Table<TElement, float, ShortTable<float>>(x, gradient, new(thresholds, levels, table.Thresholds.Length), table);
        }
    }

    private static torch.Tensor TableInDouble(torch.Tensor x, torch.Tensor? gradient, LevelTable table)
    {
        fixed (double* thresholds = Widen(table.PaddedThresholds ?? table.Thresholds), levels = Widen(table.PaddedLevels ?? table.Levels))
        {
            return table.PaddedLevels is null
                ? Table<double, double, LongTable<double>>(x, gradient, new(thresholds, levels, table.Thresholds.Length), table)
                : Table<double, double, ShortTable<double>>(x, gradient, new(thresholds, levels, table.Thresholds.Length), table);
        }
    }

    private static torch.Tensor Table<TElement, TNumber, TLookup>(torch.Tensor x, torch.Tensor? gradient, TLookup lookup, LevelTable table)
        where TElement : unmanaged
        where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
        where TLookup : struct, ILevelLookup<TNumber>
    {
        var operands = PassOperands<TElement>.Create(x, gradient, axis: -1);
        if (gradient is null)
        {
            return operands.Run(new TableForward<TElement, TNumber, TLookup>(lookup));
        }

        var slope = new TableSlope<TNumber>(table);
        return table.Slope == SlopeKind.One
            ? operands.Run(new InsideBackward<TElement, TNumber>(slope))
            : operands.Run(new RatioBackward<TElement, TNumber, TLookup>(lookup, slope));
    }

    private static double[] Widen(float[] values) => Array.ConvertAll(values, static value => (double)value);
}
