using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.Kernels;

/// <summary>Levels of a table of at most 16: the whole table in registers, or compared through.</summary>
/// <param name="thresholds">16 entries, those beyond the table NaN, which nothing reaches.</param>
/// <param name="levels">16 entries.</param>
/// <param name="count">The number of thresholds.</param>
internal readonly unsafe struct ShortTable<TNumber>(TNumber* thresholds, TNumber* levels, int count) : ILevelLookup<TNumber>
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
{
    public void Levels(TNumber* x, TNumber* output, int length, VectorWidth width)
    {
        var i = 0;
        if (typeof(TNumber) == typeof(float) && width == VectorWidth.Bits512 && Avx512F.IsSupported)
        {
            i = Search512((float*)x, (float*)output, length);
        }
        else if (typeof(TNumber) == typeof(float) && width == VectorWidth.Bits256 && Avx2.IsSupported)
        {
            i = Search256((float*)x, (float*)output, length);
        }
        else
        {
            i = width switch
            {
                VectorWidth.Bits512 => Compare<Lanes512<TNumber>>(x, output, length),
                VectorWidth.Bits256 => Compare<Lanes256<TNumber>>(x, output, length),
                _ => Compare<Lanes128<TNumber>>(x, output, length),
            };
        }

        for (; i < length; i++)
        {
            output[i] = Level(x[i]);
        }
    }

    /// <summary>One comparison a threshold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Compare<TLanes>(TNumber* x, TNumber* output, int length)
        where TLanes : struct, ILanes<TLanes, TNumber>
    {
        var (bounds, values, last) = ((nint)thresholds, (nint)levels, count);
        var i = 0;
        for (; i <= length - TLanes.Count; i += TLanes.Count)
        {
            var v = TLanes.Load(x + i);
            var level = TLanes.All(*(TNumber*)values);
            for (var t = 0; t < last; t++)
            {
                level = TLanes.Select(TLanes.AtLeast(v, TLanes.All(((TNumber*)bounds)[t])), TLanes.All(((TNumber*)values)[t + 1]), level);
            }

            TLanes.Store(TLanes.Select(TLanes.AtLeast(v, v), level, v), output + i);
        }

        return i;
    }

    /// <summary>Four steps of a binary search in every lane at once, the probes permuted out of one register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Search512(float* x, float* output, int length)
    {
        Vector512<float> bounds = Vector512.Load((float*)thresholds), values = Vector512.Load((float*)levels);
        var i = 0;
        for (; i <= length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var v = Vector512.Load(x + i);
            var position = Vector512<int>.Zero;
            for (var step = 8; step > 0; step >>= 1)
            {
                var probe = Avx512F.PermuteVar16x32(bounds, position + Vector512.Create(step - 1));
                position += Vector512.GreaterThanOrEqual(v, probe).AsInt32() & Vector512.Create(step);
            }

            var level = Avx512F.PermuteVar16x32(values, position);
            Vector512.ConditionalSelect(Vector512.Equals(v, v), level, v).Store(output + i);
        }

        return i;
    }

    /// <summary>The same with registers of 8: each step's probes in the order in which the steps before number them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Search256(float* x, float* output, int length)
    {
        var t = (float*)thresholds;
        Vector256<float> first = Vector256.Create(t[7]), secondLow = Vector256.Create(t[3]), secondHigh = Vector256.Create(t[11]);
        Vector256<float> third = Vector256.Create(t[1], t[5], t[9], t[13], 0, 0, 0, 0), fourth = Vector256.Create(t[0], t[2], t[4], t[6], t[8], t[10], t[12], t[14]);
        Vector256<float> low = Vector256.Load((float*)levels), high = Vector256.Load((float*)levels + 8);
        var two = Vector256.Create(2);
        var i = 0;
        for (; i <= length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var v = Vector256.Load(x + i);

            // A mask is -1 where it holds: subtracting it adds one.
            var upper = Vector256.GreaterThanOrEqual(v, first);
            var mask = Vector256.GreaterThanOrEqual(v, Avx.BlendVariable(secondLow, secondHigh, upper)).AsInt32();
            var position = (upper.AsInt32() & two) - mask;
            mask = Vector256.GreaterThanOrEqual(v, Avx2.PermuteVar8x32(third, position)).AsInt32();
            position = position + position - mask;
            mask = Vector256.GreaterThanOrEqual(v, Avx2.PermuteVar8x32(fourth, position)).AsInt32();
            position = position + position - mask;
            var level = Avx.BlendVariable(Avx2.PermuteVar8x32(low, position), Avx2.PermuteVar8x32(high, position), upper);
            Vector256.ConditionalSelect(Vector256.Equals(v, v), level, v).Store(output + i);
        }

        return i;
    }

    private TNumber Level(TNumber v)
    {
        var level = levels[0];
        for (var i = 0; i < count && v >= thresholds[i]; i++)
        {
            level = levels[i + 1];
        }

        return TNumber.IsNaN(v) ? v : level;
    }
}
