using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Runtime.Quantizing;

/// <summary>A function from float32 numbers to 0, ..., <paramref name="Top"/> that never falls as the number grows, the same for a number by itself and in a vector.</summary>
/// <param name="IsLinear">A multiple of the number's distance from an origin; otherwise the leading bits of the float, which are about its logarithm.</param>
/// <param name="Origin">The origin.</param>
/// <param name="PerUnit">The factor, finite and above 0.</param>
/// <param name="Shift">How many trailing bits of the float are dropped.</param>
/// <param name="First">The leading bits of the numbers that get 0.</param>
/// <param name="Top">The largest value.</param>
internal readonly record struct BucketFunction(bool IsLinear, float Origin, float PerUnit, int Shift, int First, int Top)
{
    /// <summary>Functions that spread thresholds over a number of buckets.</summary>
    /// <param name="thresholds">Ascending.</param>
    /// <param name="count">How many buckets at most.</param>
    public static IEnumerable<BucketFunction> Candidates(float[] thresholds, int count)
    {
        // Rounding may put the last threshold into the bucket after its own.
        var perUnit = (float)((count - 2) / ((double)thresholds[^1] - thresholds[0]));
        if (float.IsFinite(perUnit) && perUnit > 0)
        {
            yield return new(true, thresholds[0], perUnit, 0, 0, count - 1);
        }

        for (var shift = 8; shift < 31; shift++)
        {
            var (low, high) = ((long)(Key(thresholds[0]) >> shift), (long)(Key(thresholds[^1]) >> shift));
            if (high - low + 2 <= count)
            {
                yield return new(false, 0, 0, shift, (int)low - 1, (int)(high - low + 1));
                yield break;
            }
        }
    }

    /// <summary>The value for a number.</summary>
    public int Of(float x)
    {
        if (!IsLinear)
        {
            return (int)Math.Clamp((long)(Key(x) >> Shift) - First, 0, Top);
        }

        var place = (x - Origin) * PerUnit;
        return place > 0 ? place < Top ? (int)place : Top : 0;
    }

    /// <summary>The values for 16 numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<int> Of(Vector512<float> x)
    {
        if (IsLinear)
        {
            var place = (x - Vector512.Create(Origin)) * Vector512.Create(PerUnit);
            place = Vector512.ConditionalSelect(Vector512.GreaterThan(place, Vector512<float>.Zero), place, Vector512<float>.Zero);
            var top = Vector512.Create((float)Top);
            return Vector512.ConvertToInt32(Vector512.ConditionalSelect(Vector512.LessThan(place, top), place, top));
        }

        var raw = (x + Vector512<float>.Zero).AsInt32();
        var key = raw ^ ((raw >> 31) & Vector512.Create(int.MaxValue));
        return Vector512.Max(Vector512.Min((key >> Shift) - Vector512.Create(First), Vector512.Create(Top)), Vector512<int>.Zero);
    }

    /// <summary>The values for 4 numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector128<int> Of(Vector128<float> x)
    {
        if (IsLinear)
        {
            var place = (x - Vector128.Create(Origin)) * Vector128.Create(PerUnit);
            place = Vector128.ConditionalSelect(Vector128.GreaterThan(place, Vector128<float>.Zero), place, Vector128<float>.Zero);
            var top = Vector128.Create((float)Top);
            return Vector128.ConvertToInt32(Vector128.ConditionalSelect(Vector128.LessThan(place, top), place, top));
        }

        var raw = (x + Vector128<float>.Zero).AsInt32();
        var key = raw ^ ((raw >> 31) & Vector128.Create(int.MaxValue));
        return Vector128.Max(Vector128.Min((key >> Shift) - Vector128.Create(First), Vector128.Create(Top)), Vector128<int>.Zero);
    }

    /// <summary>An integer that orders as the float does. At least 8 bits of it are dropped, so that differences do not overflow.</summary>
    private static int Key(float x)
    {
        var bits = BitConverter.SingleToInt32Bits(x + 0f);
        return bits ^ ((bits >> 31) & int.MaxValue);
    }
}
