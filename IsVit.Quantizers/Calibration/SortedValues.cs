namespace IsVit.Quantizers.Calibration;

/// <summary>
/// One channel's numbers in ascending order, with running sums: percentiles cost a lookup, and the squared error of any candidate quantizer costs a few lookups a
/// code instead of a pass over the numbers.
/// </summary>
internal sealed class SortedValues
{
    private const int Block = 16;

    // torch.quantile ranks in float32 and refuses more numbers than this; beyond it the released code falls back to float64 ranks.
    private const int QuantileLimit = 16_000_000;

    private float[] _values = [];
    private float[] _scratch = [];
    private double[] _sums = [];
    private double[] _squares = [];
    private double _origin;

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
        double sum = 0, squares = 0;
        for (var b = 0; b < blocks; b++)
        {
            _sums[b] = sum;
            _squares[b] = squares;
            Add(b * Block, Math.Min((b + 1) * Block, Count), ref sum, ref squares);
        }
    }

    private (double Sum, double Squares) SumsUntil(int end)
    {
        var block = end / Block;
        double sum = _sums[block], squares = _squares[block];
        Add(block * Block, end, ref sum, ref squares);
        return (sum, squares);
    }

    private void Add(int start, int end, ref double sum, ref double squares)
    {
        var origin = _origin;
        double s = 0, q = 0;
        foreach (var value in _values.AsSpan(start, end - start))
        {
            var centred = value - origin;
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
