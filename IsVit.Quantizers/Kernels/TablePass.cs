using System.Numerics;
using System.Runtime.CompilerServices;
using IsVit.Quantizers.Tables;

namespace IsVit.Quantizers.Kernels;

/// <summary>A number's level by comparing it with every threshold, for tables so short that this beats looking a bucket up.</summary>
internal readonly unsafe struct ShortTable(float* thresholds, float* levels, int count)
{
    /// <summary>The level; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Level(Vector<float> v)
    {
        var level = new Vector<float>(levels[0]);
        for (var i = 0; i < count; i++)
        {
            level = Vector.ConditionalSelect(Vector.GreaterThanOrEqual(v, new Vector<float>(thresholds[i])), new Vector<float>(levels[i + 1]), level);
        }

        return Vector.ConditionalSelect(Vector.Equals(v, v), level, v);
    }

    /// <summary>The level; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Level(float v)
    {
        var level = levels[0];
        for (var i = 0; i < count && v >= thresholds[i]; i++)
        {
            level = levels[i + 1];
        }

        return float.IsNaN(v) ? v : level;
    }
}

/// <summary>A number's level through buckets.</summary>
internal readonly unsafe struct BucketTable(LevelBuckets.Bucket* buckets, int count, int first, int shift)
{
    /// <summary>The level; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Level(float v)
    {
        var index = Math.Clamp((LevelBuckets.Key(v) >> shift) - first, 0, count - 1);
        var bucket = buckets + index;
        return float.IsNaN(v) ? v : v >= bucket->Threshold ? bucket->From : bucket->Below;
    }
}

/// <summary>Every number's level, for short tables.</summary>
internal readonly unsafe struct ShortTableForward(float* x, float* output, ShortTable table) : IElementwisePass
{
    public void Run(long start, long end)
    {
        var i = start;
        for (; i <= end - Vector<float>.Count; i += Vector<float>.Count)
        {
            table.Level(Vector.Load(x + i)).Store(output + i);
        }

        for (; i < end; i++)
        {
            output[i] = table.Level(x[i]);
        }
    }
}

/// <summary>Every number's level, for long tables.</summary>
internal readonly unsafe struct BucketTableForward(float* x, float* output, BucketTable table) : IElementwisePass
{
    public void Run(long start, long end)
    {
        for (var i = start; i < end; i++)
        {
            output[i] = table.Level(x[i]);
        }
    }
}

/// <summary>Where the gradient passes and with which slope.</summary>
internal readonly struct TableSlope(LevelTable table)
{
    private readonly float _lowest = table.Lowest;
    private readonly float _highest = table.Highest;
    private readonly float _shift = table.Shift;

    /// <summary>gradient (x' + shift) / (x + shift) inside the range, 0 outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Ratio(Vector<float> v, Vector<float> level, Vector<float> gradient)
    {
        var shift = new Vector<float>(_shift);
        return Vector.ConditionalSelect(Inside(v), (level + shift) / (v + shift) * gradient, Vector<float>.Zero);
    }

    /// <summary>gradient (x' + shift) / (x + shift) inside the range, 0 outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Ratio(float v, float level, float gradient) =>
        v >= _lowest && v <= _highest ? (level + _shift) / (v + _shift) * gradient : 0;

    /// <summary>The gradient inside the range, 0 outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> One(Vector<float> v, Vector<float> gradient) => Vector.ConditionalSelect(Inside(v), gradient, Vector<float>.Zero);

    /// <summary>The gradient inside the range, 0 outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float One(float v, float gradient) => v >= _lowest && v <= _highest ? gradient : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector<int> Inside(Vector<float> v) =>
        Vector.GreaterThanOrEqual(v, new Vector<float>(_lowest)) & Vector.LessThanOrEqual(v, new Vector<float>(_highest));
}

/// <summary>The gradient of levels that are exponential in what is rounded, for short tables.</summary>
internal readonly unsafe struct ShortTableBackward(float* x, float* gradient, float* output, ShortTable table, TableSlope slope) : IElementwisePass
{
    public void Run(long start, long end)
    {
        var i = start;
        for (; i <= end - Vector<float>.Count; i += Vector<float>.Count)
        {
            var v = Vector.Load(x + i);
            slope.Ratio(v, table.Level(v), Vector.Load(gradient + i)).Store(output + i);
        }

        for (; i < end; i++)
        {
            output[i] = slope.Ratio(x[i], table.Level(x[i]), gradient[i]);
        }
    }
}

/// <summary>The gradient of levels that are exponential in what is rounded, for long tables.</summary>
internal readonly unsafe struct BucketTableBackward(float* x, float* gradient, float* output, BucketTable table, TableSlope slope) : IElementwisePass
{
    public void Run(long start, long end)
    {
        for (var i = start; i < end; i++)
        {
            output[i] = slope.Ratio(x[i], table.Level(x[i]), gradient[i]);
        }
    }
}

/// <summary>The gradient of levels that are linear in what is rounded.</summary>
internal readonly unsafe struct LinearTableBackward(float* x, float* gradient, float* output, TableSlope slope) : IElementwisePass
{
    public void Run(long start, long end)
    {
        var i = start;
        for (; i <= end - Vector<float>.Count; i += Vector<float>.Count)
        {
            slope.One(Vector.Load(x + i), Vector.Load(gradient + i)).Store(output + i);
        }

        for (; i < end; i++)
        {
            output[i] = slope.One(x[i], gradient[i]);
        }
    }
}
