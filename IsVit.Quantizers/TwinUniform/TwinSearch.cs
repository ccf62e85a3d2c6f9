using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.TwinUniform;

/// <summary>Finds the pair of scales with the smallest squared error: the range from percentiles, the ratio of the scales from powers of two.</summary>
internal static class TwinSearch
{
    private static readonly double[] Fractions = [.999, .9999, .99999, 1];

    public static TwinGrid Find(RankedValues values, BitWidth bits)
    {
        var steps = (bits.CodeCount / 2) - 1;
        double low = values.Minimum, high = values.Maximum;
        if (low == high)
        {
            var scale = high == 0 ? 1 : Math.Abs(high) / steps;
            return new(scale, scale, low < 0 ? TwinRanges.Sign : TwinRanges.Magnitude);
        }

        var ranges = low < 0 ? TwinRanges.Sign : TwinRanges.Magnitude;
        var best = new TwinGrid(Math.Max(-low, high) / steps, Math.Max(-low, high) / steps, ranges);
        var smallest = double.PositiveInfinity;
        foreach (var fraction in Fractions)
        {
            foreach (var candidate in Candidates(values.Quantile(1 - fraction), values.Quantile(fraction), steps, bits, ranges))
            {
                var error = candidate.SquaredError(values, bits);
                if (error < smallest)
                {
                    (best, smallest) = (candidate, error);
                }
            }
        }

        return best;
    }

    private static IEnumerable<TwinGrid> Candidates(double low, double high, int steps, BitWidth bits, TwinRanges ranges)
    {
        if (ranges == TwinRanges.Magnitude)
        {
            // The small range is at most as wide as the large one, and at least one of its steps wide at the top.
            for (var shift = 0; high > 0 && shift <= bits.Bits + 8; shift++)
            {
                yield return new(Math.ScaleB(high / steps, -shift), high / steps, ranges);
            }

            yield break;
        }

        // Either side is spanned exactly, the other's scale is the nearest power of two times it that spans its side, or one less.
        foreach (var (own, other, ownIsHigh) in ((double, double, bool)[])[(high, -low, true), (-low, high, false)])
        {
            if (!(own > 0))
            {
                continue;
            }

            var ratio = other > 0 ? (int)Math.Ceiling(Math.Log2(other / own)) : 0;
            for (var shift = ratio - 1; shift <= ratio; shift++)
            {
                double scale = own / steps, twin = Math.ScaleB(scale, shift);
                yield return ownIsHigh ? new(twin, scale, ranges) : new(scale, twin, ranges);
            }
        }
    }
}
