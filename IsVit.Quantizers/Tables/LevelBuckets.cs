using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IsVit.Quantizers.Tables;

/// <summary>
/// Finds a number's level without a search: the leading bits of the float choose a bucket that at most one threshold lies in, one comparison with it chooses the level.
/// </summary>
internal sealed class LevelBuckets
{
    private const int MostBuckets = 1 << 14;

    private LevelBuckets(int shift, int first, Bucket[] buckets)
    {
        Shift = shift;
        First = first;
        Buckets = buckets;
    }

    /// <summary>How many trailing bits of the key a bucket spans.</summary>
    public int Shift { get; }

    /// <summary>The shifted key of the first bucket.</summary>
    public int First { get; }

    /// <summary>The buckets in ascending order, and after them one for NaN.</summary>
    public Bucket[] Buckets { get; }

    /// <summary>The widest buckets that hold one threshold each at most; null if thresholds are too close for that.</summary>
    public static LevelBuckets? Create(LevelTable table)
    {
        var keys = Array.ConvertAll(table.Thresholds, Key);
        for (var shift = 23; shift >= 8; shift--)
        {
            var first = (keys[0] >> shift) - 1L;
            var count = (keys[^1] >> shift) + 2L - first;
            if (count > MostBuckets)
            {
                return null;
            }

            if (IsSeparate(keys, shift))
            {
                return new(shift, (int)first, Fill(table, keys, shift, first, (int)count));
            }
        }

        return null;
    }

    /// <summary>An integer that orders as the float does. The number must not be -0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Key(float x)
    {
        var bits = BitConverter.SingleToInt32Bits(x + 0f);
        return bits ^ ((bits >> 31) & int.MaxValue);
    }

    private static bool IsSeparate(int[] keys, int shift)
    {
        for (var i = 1; i < keys.Length; i++)
        {
            // Equal thresholds count as one: the levels between them are never taken.
            if (keys[i] != keys[i - 1] && keys[i] >> shift == keys[i - 1] >> shift)
            {
                return false;
            }
        }

        return true;
    }

    private static Bucket[] Fill(LevelTable table, int[] keys, int shift, long first, int count)
    {
        var buckets = new Bucket[count + 1];
        buckets[count] = new() { Threshold = float.NaN, Below = float.NaN, From = float.NaN };
        var position = 0;
        for (var b = 0; b < count; b++)
        {
            var before = position;
            while (position < keys.Length && (keys[position] >> shift) - first == b)
            {
                position++;
            }

            var threshold = position > before ? table.Thresholds[before] : float.PositiveInfinity;
            buckets[b] = new() { Threshold = threshold, Below = table.Levels[before], From = table.Levels[position] };
        }

        return buckets;
    }

    /// <summary>Numbers from the threshold on get one level, those below it the other. Padded to a power of two bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 16)]
    public struct Bucket
    {
        public float Threshold;
        public float Below;
        public float From;
    }
}
