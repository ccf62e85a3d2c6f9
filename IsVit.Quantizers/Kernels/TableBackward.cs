using System.Numerics;
using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>The gradient of levels that are exponential in what is rounded, for short tables.</summary>
internal readonly unsafe struct ShortTableBackward(float* x, float* gradient, float* output, ShortTable table, TableSlope slope) : IElementwisePass
{
    public static double Nanoseconds => 0.5;

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
    public static double Nanoseconds => 1.6;

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
    public static double Nanoseconds => 0.3;

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
