using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using IsVit.Quantizers.Kernels;

namespace IsVit.Quantizers.Calibration;

/// <summary>
/// Sorts finite floats by an order-preserving integer key, in linear time where a comparison sort is not: the leading bits cut the whole into buckets, and each bucket is
/// sorted from its trailing bits up, in the cache and on any thread.
/// </summary>
internal static unsafe class RadixSort
{
    private const int Bits = 11;
    private const int Buckets = 1 << Bits;
    private const int SmallCount = 512;
    private const int PartLength = 1 << 18;

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

        fixed (float* source = values, first = sorted, second = scratch)
        {
            // A lambda does not take what is fixed, but its address.
            float* target = first, spare = second;
            var (lowest, highest) = Range(source, count);
            var bits = 32 - BitOperations.LeadingZeroCount(highest - lowest);
            if (count <= PartLength)
            {
                values.CopyTo(sorted);
                SortByTrailingBits((uint*)target, (uint*)spare, count, lowest, bits);
                return;
            }

            var shift = Math.Max(0, bits - Bits);
            var starts = Partition((uint*)source, (uint*)target, count, lowest, shift);
            TorchThreads.For(Buckets, bucket => SortByTrailingBits((uint*)target + starts[bucket], (uint*)spare + starts[bucket], starts[bucket + 1] - starts[bucket], lowest, shift));
        }
    }

    /// <summary>The keys of the smallest and the largest number.</summary>
    private static (uint Lowest, uint Highest) Range(float* source, int count)
    {
        var parts = Parts(count);
        var (lowest, highest) = (new float[parts], new float[parts]);
        TorchThreads.For(parts, part =>
        {
            var (start, end) = Part(part, count);
            Vector<float> low = new(source[start]), high = low;
            var i = start;
            for (; i <= end - Vector<float>.Count; i += Vector<float>.Count)
            {
                var v = Vector.Load(source + i);
                (low, high) = (Vector.Min(low, v), Vector.Max(high, v));
            }

            var (smallest, largest) = (low[0], high[0]);
            for (var lane = 1; lane < Vector<float>.Count; lane++)
            {
                (smallest, largest) = (Math.Min(smallest, low[lane]), Math.Max(largest, high[lane]));
            }

            for (; i < end; i++)
            {
                (smallest, largest) = (Math.Min(smallest, source[i]), Math.Max(largest, source[i]));
            }

            (lowest[part], highest[part]) = (smallest, largest);
        });

        // Of two zeros the negative one has the smaller key, whichever was found.
        var (minimum, maximum) = (lowest.Min(), highest.Max());
        return (KeyOf(minimum == 0 ? -0f : minimum), KeyOf(maximum == 0 ? 0f : maximum));
    }

    private static uint KeyOf(float value) => Key(BitConverter.SingleToUInt32Bits(value));

    /// <summary>Moves numbers into buckets by the leading bits of what their keys exceed the lowest by.</summary>
    /// <returns>Where each bucket starts, and at last where the last one ends.</returns>
    private static int[] Partition(uint* source, uint* target, int count, uint lowest, int shift)
    {
        var parts = Parts(count);
        var positions = new int[parts][];
        TorchThreads.For(parts, part =>
        {
            var (start, end) = Part(part, count);
            fixed (int* histogram = positions[part] = new int[Buckets])
            {
                CountBuckets(source + start, end - start, lowest, shift, histogram);
            }
        });

        var starts = new int[Buckets + 1];
        var position = 0;
        for (var bucket = 0; bucket < Buckets; bucket++)
        {
            starts[bucket] = position;
            foreach (var histogram in positions)
            {
                (histogram[bucket], position) = (position, position + histogram[bucket]);
            }
        }

        starts[Buckets] = position;
        TorchThreads.For(parts, part =>
        {
            var (start, end) = Part(part, count);
            fixed (int* next = positions[part])
            {
                Move(source + start, end - start, lowest, shift, next, target);
            }
        });
        return starts;
    }

    /// <summary>Sorts numbers whose keys differ in some trailing bits only.</summary>
    private static void SortByTrailingBits(uint* values, uint* spare, int length, uint lowest, int bits)
    {
        if (length <= SmallCount)
        {
            new Span<float>(values, length).Sort();
            return;
        }

        uint* from = values, to = spare;
        for (var done = 0; done < bits; done += Bits)
        {
            Scatter(from, to, length, lowest, done);
            var filled = to;
            to = from;
            from = filled;
        }

        if (from != values)
        {
            new ReadOnlySpan<uint>(from, length).CopyTo(new Span<uint>(values, length));
        }
    }

    /// <summary>One pass over a bucket by some bits of its keys, order otherwise kept. Bits above those that differ within the bucket change nothing.</summary>
    private static void Scatter(uint* source, uint* target, int count, uint lowest, int shift)
    {
        var positions = stackalloc int[Buckets];
        new Span<int>(positions, Buckets).Clear();
        CountBuckets(source, count, lowest, shift, positions);
        var position = 0;
        for (var bucket = 0; bucket < Buckets; bucket++)
        {
            (positions[bucket], position) = (position, position + positions[bucket]);
        }

        Move(source, count, lowest, shift, positions, target);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CountBuckets(uint* source, int count, uint lowest, int shift, int* histogram)
    {
        for (var i = 0; i < count; i++)
        {
            histogram[((Key(source[i]) - lowest) >> shift) & (Buckets - 1)]++;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Move(uint* source, int count, uint lowest, int shift, int* next, uint* target)
    {
        for (var i = 0; i < count; i++)
        {
            target[next[((Key(source[i]) - lowest) >> shift) & (Buckets - 1)]++] = source[i];
        }
    }

    private static int Parts(int count) => (int)(((long)count + PartLength - 1) / PartLength);

    private static (int Start, int End) Part(int part, int count) => (part * PartLength, (int)Math.Min((part + 1L) * PartLength, count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Key(uint bits) => bits ^ ((uint)((int)bits >> 31) | 0x80000000);
}
