using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using IsVit.Quantizers.Kernels;

namespace IsVit.Quantizers.Calibration;

/// <summary>
/// One channel's numbers in ascending order, with running sums: percentiles cost a lookup, and the squared error of any candidate quantizer costs a few lookups a
/// code instead of a pass over the numbers.
/// </summary>
internal sealed class SortedValues : IDisposable
{
    private const int Block = 16;
    private const int BlocksPerPart = 1 << 14;

    // torch.quantile ranks in float32 and refuses more numbers than this; beyond it the released code falls back to float64 ranks.
    private const int QuantileLimit = 16_000_000;

    private static WeakReference<SortedValues>? s_spare;
    private float[] _values = [];
    private float[] _scratch = [];
    private double[] _sums = [];
    private double[] _squares = [];
    private double _origin;

    /// <summary>Sorts numbers, at least one, all finite. Disposed, it leaves its memory to the next.</summary>
    public static SortedValues Of(ReadOnlySpan<float> values)
    {
        var sorted = Interlocked.Exchange(ref s_spare, null) is { } spare && spare.TryGetTarget(out var used) ? used : new SortedValues();
        sorted.Load(values);
        return sorted;
    }

    /// <summary>Lets another use the memory, unless it is collected before.</summary>
    public void Dispose() => s_spare = new(this);

    /// <summary>How many numbers there are.</summary>
    public int Count { get; private set; }

    /// <summary>The smallest.</summary>
    public float Minimum => _values[0];

    /// <summary>The largest.</summary>
    public float Maximum => _values[Count - 1];

    /// <summary>Takes over other numbers, at least one, all finite; the memory is used again.</summary>
    public void Load(ReadOnlySpan<float> values)
    {
        Count = values.Length;
        if (_values.Length < Count)
        {
            _values = GC.AllocateUninitializedArray<float>(Count);
            _scratch = GC.AllocateUninitializedArray<float>(Count);
        }

        RadixSort.Sort(values, _values, _scratch);
        Accumulate();
    }

    /// <summary>The fraction's percentile, linearly interpolated in float32 as <c>torch.quantile</c> does.</summary>
    /// <param name="fraction">0 to 1.</param>
    public float Quantile(double fraction)
    {
        var rank = Rank(fraction, Count);
        var below = (int)rank;
        var weight = (float)(rank - below);
        var start = _values[below];
        var difference = _values[Math.Min(below + 1, Count - 1)] - start;
        if (float.IsInfinity(difference))
        {
            return (float)(start + (weight * ((double)_values[below + 1] - start)));
        }

        return weight < 0.5f ? start + (weight * difference) : _values[Math.Min(below + 1, Count - 1)] - (difference * (1 - weight));
    }

    /// <summary>Where the fraction's percentile lies among that many sorted numbers.</summary>
    public static double Rank(double fraction, int count) =>
        count <= QuantileLimit ? (float)fraction * (float)(count - 1) : fraction * (count - 1);

    /// <summary>The sum of squared errors if all numbers in a bin become the bin's level.</summary>
    /// <param name="thresholds">Ascending; bin i holds the numbers from thresholds[i-1] (inclusive) to thresholds[i].</param>
    /// <param name="levels">One more than thresholds.</param>
    public double SquaredError(ReadOnlySpan<double> thresholds, ReadOnlySpan<double> levels)
    {
        double error = 0, sumBefore = 0, squaresBefore = 0;
        var before = 0;
        for (var bin = 0; bin < levels.Length && before < Count; bin++)
        {
            var end = bin < thresholds.Length ? LowerBound(thresholds[bin], before) : Count;
            if (end == before)
            {
                continue;
            }

            var (sum, squares) = SumsUntil(end);
            var level = levels[bin] - _origin;
            error += squares - squaresBefore - (2 * level * (sum - sumBefore)) + (level * level * (end - before));
            (before, sumBefore, squaresBefore) = (end, sum, squares);
        }

        return Math.Max(error, 0);
    }

    private void Accumulate()
    {
        var blocks = (Count / Block) + 1;
        if (_sums.Length < blocks)
        {
            _sums = new double[blocks];
            _squares = new double[blocks];
        }

        // Centred sums: a channel far from zero would lose its small errors in the difference of large squares.
        _origin = _values[Count / 2];
        TorchThreads.For((blocks + BlocksPerPart - 1) / BlocksPerPart, part => SumBlocks(part * BlocksPerPart, Math.Min((part + 1) * BlocksPerPart, blocks)));
        double sum = 0, squares = 0;
        for (var b = 0; b < blocks; b++)
        {
            (_sums[b], sum) = (sum, sum + _sums[b]);
            (_squares[b], squares) = (squares, squares + _squares[b]);
        }
    }

    private void SumBlocks(int first, int end)
    {
        for (var b = first; b < end; b++)
        {
            (_sums[b], _squares[b]) = (0, 0);
            Add(b * Block, Math.Min((b + 1) * Block, Count), ref _sums[b], ref _squares[b]);
        }
    }

    private (double Sum, double Squares) SumsUntil(int end)
    {
        var block = end / Block;
        double sum = _sums[block], squares = _squares[block];
        Add(block * Block, end, ref sum, ref squares);
        return (sum, squares);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Add(int start, int end, ref double sum, ref double squares)
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

        double s = Vector256.Sum(sums), q = Vector256.Sum(products);
        for (; i < end; i++)
        {
            var centred = _values[i] - _origin;
            s += centred;
            q += centred * centred;
        }

        sum += s;
        squares += q;
    }

    /// <summary>The first position, from <paramref name="start"/> on, whose number is not below the threshold.</summary>
    private int LowerBound(double threshold, int start)
    {
        var low = start;
        var high = Count;
        while (low < high)
        {
            var middle = low + ((high - low) >> 1);
            if (_values[middle] < threshold)
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
}
