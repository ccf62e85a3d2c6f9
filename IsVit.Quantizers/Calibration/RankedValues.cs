using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.Calibration;

/// <summary>
/// One channel's numbers, ordered as far as needed, with running sums: percentiles and the squared error of any candidate quantizer cost a few lookups instead of a pass over the
/// numbers. Many numbers are only cut into buckets; a bucket is sorted when a percentile lies in it or thresholds keep falling into it.
/// </summary>
internal sealed class RankedValues : IDisposable
{
    private const int Block = 16;
    private const int VisitsWorthSorting = 8;

    // To go through so many numbers costs what one step of a binary search for a threshold does.
    private const int NumbersAStep = 16;

    // 1.5 * 2^52: added to a number below 2^51, it leaves no room for a fraction.
    private const double Rounding = 6755399441055744;

    // torch.quantile ranks in float32 and refuses more numbers than this; beyond it the released code falls back to float64 ranks.
    private const int QuantileLimit = 16_000_000;

    private static WeakReference<RankedValues>? s_spare;
    private float[] _values = [];
    private float[] _scratch = [];
    private int[] _starts = [];
    private BucketSums[] _buckets = [];
    private BucketMap? _map;
    private double _origin;

    /// <summary>Orders numbers, at least one, all finite. Disposed, it leaves its memory to the next.</summary>
    public static RankedValues Of(ReadOnlySpan<float> values)
    {
        var ranked = Interlocked.Exchange(ref s_spare, null) is { } spare && spare.TryGetTarget(out var used) ? used : new RankedValues();
        ranked.Load(values);
        return ranked;
    }

    /// <summary>Lets another use the memory, unless it is collected before.</summary>
    public void Dispose() => s_spare = new(this);

    /// <summary>How many numbers there are.</summary>
    public int Count { get; private set; }

    /// <summary>The smallest.</summary>
    public float Minimum { get; private set; }

    /// <summary>The largest.</summary>
    public float Maximum { get; private set; }

    /// <summary>Takes over other numbers, at least one, all finite; the memory is used again.</summary>
    public void Load(ReadOnlySpan<float> values)
    {
        Count = values.Length;
        if (_values.Length < Count)
        {
            _values = GC.AllocateUninitializedArray<float>(Count);
            _scratch = GC.AllocateUninitializedArray<float>(Count);
        }

        (Minimum, Maximum) = RadixSort.Range(values);
        var keys = KeyRange.Of(Minimum, Maximum);
        if (Count <= RadixSort.PartLength)
        {
            values.CopyTo(_values);
            (_map, _starts) = (null, [0, Count]);
            RadixSort.Sort(_values.AsSpan(0, Count), _scratch.AsSpan(0, Count), keys);
        }
        else
        {
            _map = BucketMap.Create(values, keys);
            _starts = RadixSort.Partition(values, _values, _map);
        }

        // Centred sums: a channel far from zero would lose its small errors in the difference of large squares.
        _origin = _values[Count / 2];
        Accumulate();
    }

    /// <summary>The fraction's percentile, linearly interpolated in float32 as <c>torch.quantile</c> does.</summary>
    /// <param name="fraction">0 to 1.</param>
    public float Quantile(double fraction)
    {
        var rank = Rank(fraction, Count);
        var below = (int)rank;
        var weight = (float)(rank - below);
        float start = At(below), end = At(Math.Min(below + 1, Count - 1));
        var difference = end - start;
        if (float.IsInfinity(difference))
        {
            return (float)(start + (weight * ((double)end - start)));
        }

        return weight < 0.5f ? start + (weight * difference) : end - (difference * (1 - weight));
    }

    /// <summary>Where the fraction's percentile lies among that many sorted numbers.</summary>
    public static double Rank(double fraction, int count) =>
        count <= QuantileLimit ? (float)fraction * (float)(count - 1) : fraction * (count - 1);

    /// <summary>The sum of squared errors if all numbers in a bin become the bin's level.</summary>
    /// <param name="thresholds">Ascending; bin i holds the numbers from thresholds[i-1] (inclusive) to thresholds[i].</param>
    /// <param name="levels">One more than thresholds.</param>
    public double SquaredError(ReadOnlySpan<double> thresholds, ReadOnlySpan<double> levels)
    {
        double error = 0;
        var before = default(Moments);
        for (var bin = 0; bin < levels.Length && before.Count < Count; bin++)
        {
            var until = bin < thresholds.Length ? Below(thresholds[bin]) : All;
            var count = until.Count - before.Count;
            if (count > 0)
            {
                var level = levels[bin] - _origin;
                error += until.Squares - before.Squares - (2 * level * (until.Sum - before.Sum)) + (level * level * count);
                before = until;
            }
        }

        return Math.Max(error, 0);
    }

    /// <summary>The sum of squared errors if every number becomes the nearest multiple of a step, in a pass over the numbers. Worth it where <see cref="AreFew"/>.</summary>
    /// <param name="step">The step, above 0.</param>
    /// <param name="lowest">The smallest multiple there is, a whole number.</param>
    /// <param name="highest">The largest, above the smallest.</param>
    public double SquaredErrorOfMultiples(double step, double lowest, double highest)
    {
        var first = LowerBound(step * (lowest + 0.5), 0, Count);
        var last = LowerBound(step * (highest - 0.5), first, Count);
        return SquaredDistance(0, first, step * lowest) + SquaredDistance(last, Count, step * highest) + SquaredRounding(first, last, step);
    }

    /// <summary>Whether the numbers are all sorted and so few beside a quantizer's thresholds that to go through them costs less than to look each threshold up.</summary>
    public bool AreFew(int thresholds) => _map is null && Count <= NumbersAStep * thresholds * BitOperations.Log2((uint)Count);

    /// <summary>The number with so many others before it in ascending order.</summary>
    public float At(int rank)
    {
        if (_map is not null)
        {
            var bucket = Array.BinarySearch(_starts, rank + 1);

            // Of empty buckets several start at the same place.
            bucket = bucket < 0 ? ~bucket - 1 : bucket - 1;
            while (_starts[bucket] > rank)
            {
                bucket--;
            }

            while (_starts[bucket + 1] <= rank)
            {
                bucket++;
            }

            if (_buckets[bucket].Blocks is null)
            {
                Sort(bucket);
            }
        }

        return _values[rank];
    }

    /// <summary>The number that is taken off every number in <see cref="Moments"/>.</summary>
    public double Origin => _origin;

    /// <summary>Of the numbers below a threshold, each less <see cref="Origin"/>.</summary>
    public Moments Below(double threshold)
    {
        if (!(threshold > Minimum))
        {
            return default;
        }

        if (threshold > Maximum)
        {
            return All;
        }

        // Comparing with the smallest float that is not below the threshold is comparing with the threshold.
        var bound = (float)threshold;
        bound = bound < threshold ? MathF.BitIncrement(bound) : bound;
        var index = _map?.Bucket(bound == 0 ? -0f : bound) ?? 0;
        ref var bucket = ref _buckets[index];
        var (start, end) = (_starts[index], _starts[index + 1]);
        if (bucket.Blocks is null && ++bucket.Visits > VisitsWorthSorting)
        {
            Sort(index);
        }

        if (bucket.Blocks is not { } blocks)
        {
            return bucket.Before + MomentsBelow(start, end, bound);
        }

        var below = LowerBound(bound, start, end);
        var block = (below - start) / Block;
        return bucket.Before + blocks[block] + MomentsOf(start + (block * Block), below);
    }

    private Moments All => _buckets[^1].Before + _buckets[^1].Own;

    private void Accumulate()
    {
        _buckets = new BucketSums[_starts.Length - 1];
        if (_map is null)
        {
            SumBlocks(0);
            _buckets[0].Own = _buckets[0].Blocks![^1];
            return;
        }

        TorchThreads.For(_buckets.Length, bucket => _buckets[bucket].Own = MomentsOf(_starts[bucket], _starts[bucket + 1]));
        for (var bucket = 1; bucket < _buckets.Length; bucket++)
        {
            _buckets[bucket].Before = _buckets[bucket - 1].Before + _buckets[bucket - 1].Own;
        }
    }

    private void Sort(int index)
    {
        var (start, length) = (_starts[index], _starts[index + 1] - _starts[index]);
        if (length > 1)
        {
            var values = _values.AsSpan(start, length);
            var (minimum, maximum) = RadixSort.Range(values);
            RadixSort.Sort(values, _scratch.AsSpan(start, length), KeyRange.Of(minimum, maximum));
        }

        SumBlocks(index);
    }

    private void SumBlocks(int index)
    {
        var (start, length) = (_starts[index], _starts[index + 1] - _starts[index]);
        var blocks = new Moments[(length / Block) + 1 + (length % Block == 0 ? 0 : 1)];
        for (var block = 1; block < blocks.Length; block++)
        {
            blocks[block] = blocks[block - 1] + MomentsOf(start + ((block - 1) * Block), start + Math.Min(block * Block, length));
        }

        _buckets[index].Blocks = blocks;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Moments MomentsOf(int start, int end)
    {
        ref var first = ref MemoryMarshal.GetArrayDataReference(_values);
        Vector256<double> origin = Vector256.Create(_origin), sums = Vector256<double>.Zero, products = sums;
        var i = start;
        for (; i <= end - Vector256<double>.Count; i += Vector256<double>.Count)
        {
            var centred = Vector256.WidenLower(Vector128.LoadUnsafe(ref first, (nuint)i).ToVector256Unsafe()) - origin;
            sums += centred;
            products += centred * centred;
        }

        double sum = Vector256.Sum(sums), squares = Vector256.Sum(products);
        for (; i < end; i++)
        {
            var centred = _values[i] - _origin;
            sum += centred;
            squares += centred * centred;
        }

        return new(end - start, sum, squares);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Moments MomentsBelow(int start, int end, float bound)
    {
        ref var first = ref MemoryMarshal.GetArrayDataReference(_values);
        Vector256<double> origin = Vector256.Create(_origin), limit = Vector256.Create((double)bound), sums = Vector256<double>.Zero, products = sums;
        var counts = Vector256<long>.Zero;
        var i = start;
        for (; i <= end - Vector256<double>.Count; i += Vector256<double>.Count)
        {
            var value = Vector256.WidenLower(Vector128.LoadUnsafe(ref first, (nuint)i).ToVector256Unsafe());
            var isBelow = Vector256.LessThan(value, limit);
            var centred = (value - origin) & isBelow;
            sums += centred;
            products += centred * centred;
            counts -= isBelow.AsInt64();
        }

        double sum = Vector256.Sum(sums), squares = Vector256.Sum(products);
        var count = Vector256.Sum(counts);
        for (; i < end; i++)
        {
            if (_values[i] < bound)
            {
                var centred = _values[i] - _origin;
                sum += centred;
                squares += centred * centred;
                count++;
            }
        }

        return new(count, sum, squares);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double SquaredRounding(int start, int end, double step)
    {
        ref var first = ref MemoryMarshal.GetArrayDataReference(_values);
        Vector256<double> steps = Vector256.Create(step), inverse = Vector256.Create(1 / step), rounding = Vector256.Create(Rounding), sum0 = Vector256<double>.Zero, sum1 = sum0;
        var i = start;
        for (; i <= end - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.LoadUnsafe(ref first, (nuint)i));
            low -= ((low * inverse) + rounding - rounding) * steps;
            high -= ((high * inverse) + rounding - rounding) * steps;
            sum0 += low * low;
            sum1 += high * high;
        }

        var sum = Vector256.Sum(sum0 + sum1);
        for (; i < end; i++)
        {
            var rest = _values[i] - (((_values[i] * (1 / step)) + Rounding - Rounding) * step);
            sum += rest * rest;
        }

        return sum;
    }

    private double SquaredDistance(int start, int end, double level)
    {
        double sum = 0;
        foreach (double value in _values.AsSpan(start, end - start))
        {
            sum += (value - level) * (value - level);
        }

        return sum;
    }

    private int LowerBound(double bound, int low, int high)
    {
        while (low < high)
        {
            var middle = low + ((high - low) >> 1);
            if (_values[middle] < bound)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private struct BucketSums
    {
        /// <summary>Of all buckets before.</summary>
        public Moments Before;

        /// <summary>Of this one.</summary>
        public Moments Own;

        /// <summary>Of what lies before each block of a sorted bucket, and of all of it at last; null as long as it is not sorted.</summary>
        public Moments[]? Blocks;

        /// <summary>How many thresholds fell into it.</summary>
        public int Visits;
    }
}
