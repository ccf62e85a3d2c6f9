using System.Numerics;
using System.Runtime.CompilerServices;
using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.Calibration;

/// <summary>Orders finite floats by an order-preserving integer key, in linear time where a comparison sort is not.</summary>
internal static unsafe class RadixSort
{
    /// <summary>From how many numbers on several threads work on them.</summary>
    public const int PartLength = 1 << 18;

    private const int Bits = 11;
    private const int Digits = 1 << Bits;
    private const int SmallCount = 512;

    /// <summary>Sorts numbers in place.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="spare">Space for as many.</param>
    /// <param name="keys">What is known of their keys.</param>
    public static void Sort(Span<float> values, Span<float> spare, KeyRange keys)
    {
        if (values.Length <= SmallCount)
        {
            values.Sort();
            return;
        }

        fixed (float* first = values, second = spare)
        {
            uint* from = (uint*)first, to = (uint*)second;
            for (var done = 0; done < keys.Bits; done += Bits)
            {
                Scatter(from, to, values.Length, keys.Lowest, done);
                var filled = to;
                to = from;
                from = filled;
            }

            if (from != (uint*)first)
            {
                spare[..values.Length].CopyTo(values);
            }
        }
    }

    /// <summary>Moves numbers into buckets, so that none is larger than one in a bucket behind its own. All threads work on it.</summary>
    /// <param name="values">The numbers, unchanged.</param>
    /// <param name="target">Where they go.</param>
    /// <param name="map">Their buckets.</param>
    /// <returns>Where each bucket starts, and at last where the last one ends.</returns>
    public static int[] Partition(ReadOnlySpan<float> values, float[] target, BucketMap map)
    {
        fixed (float* from = values, to = target)
        fixed (ushort* buckets = map.Buckets)
        {
            return Partition((uint*)from, (uint*)to, values.Length, map, buckets);
        }
    }

    /// <summary>The smallest and the largest number.</summary>
    public static (float Minimum, float Maximum) Range(ReadOnlySpan<float> values)
    {
        fixed (float* first = values)
        {
            return Range(first, values.Length);
        }
    }

    private static (float Minimum, float Maximum) Range(float* source, int count)
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
        return (lowest.Min(), highest.Max());
    }

    private static int[] Partition(uint* source, uint* target, int count, BucketMap map, ushort* buckets)
    {
        var parts = Parts(count);
        var positions = new int[parts][];
        TorchThreads.For(parts, part =>
        {
            var (start, end) = Part(part, count);
            fixed (int* histogram = positions[part] = new int[map.Count])
            {
                CountBuckets(source + start, end - start, map.Lowest, map.CellShift, buckets, histogram);
            }
        });

        var starts = new int[map.Count + 1];
        var position = 0;
        for (var bucket = 0; bucket < map.Count; bucket++)
        {
            starts[bucket] = position;
            foreach (var histogram in positions)
            {
                (histogram[bucket], position) = (position, position + histogram[bucket]);
            }
        }

        starts[^1] = position;
        TorchThreads.For(parts, part =>
        {
            var (start, end) = Part(part, count);
            fixed (int* next = positions[part])
            {
                MoveToBuckets(source + start, end - start, map.Lowest, map.CellShift, buckets, next, target);
            }
        });
        return starts;
    }

    /// <summary>One pass over a bucket by some bits of its keys, order otherwise kept. Bits above those that differ within the bucket change nothing.</summary>
    private static void Scatter(uint* source, uint* target, int count, uint lowest, int shift)
    {
        var positions = stackalloc int[Digits];
        new Span<int>(positions, Digits).Clear();
        CountDigits(source, count, lowest, shift, positions);
        var position = 0;
        for (var digit = 0; digit < Digits; digit++)
        {
            (positions[digit], position) = (position, position + positions[digit]);
        }

        MoveToDigits(source, count, lowest, shift, positions, target);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CountDigits(uint* source, int count, uint lowest, int shift, int* histogram)
    {
        for (var i = 0; i < count; i++)
        {
            histogram[((Key(source[i]) - lowest) >> shift) & (Digits - 1)]++;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MoveToDigits(uint* source, int count, uint lowest, int shift, int* next, uint* target)
    {
        for (var i = 0; i < count; i++)
        {
            target[next[((Key(source[i]) - lowest) >> shift) & (Digits - 1)]++] = source[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CountBuckets(uint* source, int count, uint lowest, int shift, ushort* buckets, int* histogram)
    {
        for (var i = 0; i < count; i++)
        {
            histogram[buckets[(Key(source[i]) - lowest) >> shift]]++;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MoveToBuckets(uint* source, int count, uint lowest, int shift, ushort* buckets, int* next, uint* target)
    {
        for (var i = 0; i < count; i++)
        {
            target[next[buckets[(Key(source[i]) - lowest) >> shift]]++] = source[i];
        }
    }

    private static int Parts(int count) => (int)(((long)count + PartLength - 1) / PartLength);

    private static (int Start, int End) Part(int part, int count) => (part * PartLength, (int)Math.Min((part + 1L) * PartLength, count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Key(uint bits) => KeyRange.Key(bits);
}
