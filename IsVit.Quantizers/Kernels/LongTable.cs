using System.Numerics;
using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.Kernels;

/// <summary>Levels of a table of any length by binary search, a number at a time: for float64, and for thresholds too close for buckets.</summary>
/// <param name="thresholds">Ascending.</param>
/// <param name="levels">One more than thresholds.</param>
/// <param name="count">The number of thresholds.</param>
internal readonly unsafe struct LongTable<TNumber>(TNumber* thresholds, TNumber* levels, int count) : ILevelLookup<TNumber>
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
{
    public void Levels(TNumber* x, TNumber* output, int length, VectorWidth width)
    {
        for (var i = 0; i < length; i++)
        {
            output[i] = TNumber.IsNaN(x[i]) ? x[i] : levels[Position(x[i])];
        }
    }

    private int Position(TNumber x)
    {
        var low = 0;
        for (var length = count; length > 0;)
        {
            var half = length >> 1;
            var reached = x >= thresholds[low + half];
            low = reached ? low + half + 1 : low;
            length = reached ? length - half - 1 : half;
        }

        return low;
    }
}
