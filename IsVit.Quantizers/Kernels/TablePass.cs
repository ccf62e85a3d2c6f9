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

/// <summary>Levels through buckets, for blocks of numbers: bucket indices by vectors, then one comparison a number without a branch.</summary>
internal readonly unsafe struct BucketTable(LevelBuckets.Bucket* buckets, int count, int first, int shift)
{
    /// <summary>The most numbers of one call.</summary>
    public const int Block = 512;

    /// <summary>Writes the level of each of <paramref name="length"/> numbers; a NaN gives a NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Levels(float* x, float* levels, int length)
    {
        // Locals: a store through a pointer could change a field, so that fields would be read again for every number.
        var table = buckets;
        var indices = stackalloc int[Block];
        Indices(x, indices, length);
        for (var i = 0; i < length; i++)
        {
            var bucket = table + indices[i];
            var reached = x[i] >= bucket->Threshold;
            levels[i] = (&bucket->Below)[Unsafe.As<bool, byte>(ref reached)];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Indices(float* x, int* indices, int length)
    {
        var (bits, lowest, last) = (shift, first, count - 2);
        Vector<int> vLowest = new(lowest), vLast = new(last), magnitude = new(int.MaxValue), nan = new(last + 1);
        var i = 0;
        for (; i <= length - Vector<int>.Count; i += Vector<int>.Count)
        {
            var v = Vector.Load(x + i);
            var raw = Vector.AsVectorInt32(v + Vector<float>.Zero);
            var key = raw ^ (Vector.ShiftRightArithmetic(raw, 31) & magnitude);
            var index = Vector.Max(Vector.Min(Vector.ShiftRightArithmetic(key, bits) - vLowest, vLast), Vector<int>.Zero);
            Vector.ConditionalSelect(Vector.Equals(v, v), index, nan).Store(indices + i);
        }

        for (; i < length; i++)
        {
            indices[i] = float.IsNaN(x[i]) ? last + 1 : Math.Max(Math.Min((LevelBuckets.Key(x[i]) >> bits) - lowest, last), 0);
        }
    }
}

/// <summary>Every number's level, for short tables.</summary>
internal readonly unsafe struct ShortTableForward(float* x, float* output, ShortTable table) : IElementwisePass
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
        for (var i = start; i < end; i += BucketTable.Block)
        {
            table.Levels(x + i, output + i, (int)Math.Min(BucketTable.Block, end - i));
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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(long start, long end)
    {
        var levels = stackalloc float[BucketTable.Block];
        for (var block = start; block < end; block += BucketTable.Block)
        {
            var length = (int)Math.Min(BucketTable.Block, end - block);
            table.Levels(x + block, levels, length);
            var i = 0;
            for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
            {
                slope.Ratio(Vector.Load(x + block + i), Vector.Load(levels + i), Vector.Load(gradient + block + i)).Store(output + block + i);
            }

            for (; i < length; i++)
            {
                output[block + i] = slope.Ratio(x[block + i], levels[i], gradient[block + i]);
            }
        }
    }
}

/// <summary>The gradient of levels that are linear in what is rounded.</summary>
internal readonly unsafe struct LinearTableBackward(float* x, float* gradient, float* output, TableSlope slope) : IElementwisePass
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
