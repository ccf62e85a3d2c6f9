using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IsVit.Quantizers.Calibration;

/// <summary>Sorts finite floats by three passes over 11 bits of an order-preserving integer key: linear time where a comparison sort is not.</summary>
internal static class RadixSort
{
    private const int Bits = 11;
    private const int Buckets = 1 << Bits;
    private const int SmallCount = 512;

    /// <summary>Writes the numbers to <paramref name="sorted"/> in ascending order.</summary>
    /// <param name="values">The numbers, unchanged.</param>
    /// <param name="sorted">At least as long.</param>
    /// <param name="scratch">At least as long.</param>
    public static void Sort(ReadOnlySpan<float> values, float[] sorted, float[] scratch)
    {
        var count = values.Length;
        if (count <= SmallCount)
        {
            values.CopyTo(sorted);
            sorted.AsSpan(0, count).Sort();
            return;
        }

        var source = MemoryMarshal.Cast<float, uint>(values);
        var a = MemoryMarshal.Cast<float, uint>(sorted.AsSpan(0, count));
        var b = MemoryMarshal.Cast<float, uint>(scratch.AsSpan(0, count));
        var histograms = new int[3 * Buckets];
        foreach (var bits in source)
        {
            var key = Key(bits);
            histograms[key & (Buckets - 1)]++;
            histograms[Buckets + ((key >> Bits) & (Buckets - 1))]++;
            histograms[(2 * Buckets) + (key >> (2 * Bits))]++;
        }

        for (var pass = 0; pass < 3; pass++)
        {
            Positions(histograms.AsSpan(pass * Buckets, Buckets));
        }

        Scatter(source, a, histograms, 0, 0);
        Scatter(a, b, histograms, Buckets, Bits);
        Scatter(b, a, histograms, 2 * Buckets, 2 * Bits);
    }

    private static void Positions(Span<int> histogram)
    {
        var position = 0;
        foreach (ref var entry in histogram)
        {
            (entry, position) = (position, position + entry);
        }
    }

    private static void Scatter(ReadOnlySpan<uint> source, Span<uint> target, int[] positions, int offset, int shift)
    {
        ref var first = ref MemoryMarshal.GetReference(target);
        foreach (var bits in source)
        {
            var bucket = offset + (int)((Key(bits) >> shift) & (Buckets - 1));
            Unsafe.Add(ref first, positions[bucket]++) = bits;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Key(uint bits) => bits ^ ((uint)((int)bits >> 31) | 0x80000000);
}
