using System.Numerics;
using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>Every number's level, for short tables.</summary>
internal readonly unsafe struct ShortTableForward(float* x, float* output, ShortTable table) : IElementwisePass
{
    public static double Nanoseconds => 0.3;

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
    public static double Nanoseconds => 1.2;

    public void Run(long start, long end)
    {
        for (var i = start; i < end; i += BucketTable.Block)
        {
            table.Levels(x + i, output + i, (int)Math.Min(BucketTable.Block, end - i));
        }
    }
}
