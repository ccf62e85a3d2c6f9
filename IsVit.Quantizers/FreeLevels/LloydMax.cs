using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>
/// The levels with the least squared error for one channel's numbers: each number goes to the nearest level, each level to the mean of its numbers, in turn, until the error stays (Lloyd, "Least squares
/// quantization in PCM", IEEE Transactions on Information Theory 28, 1982; Max, "Quantizing for minimum distortion", 1960).
/// </summary>
internal static class LloydMax
{
    private const int MaximumIterations = 200;
    private const double Tolerance = 1e-6;

    // What changes between two refinements moves levels little.
    private const int RefiningIterations = 8;

    /// <summary>The levels, ascending.</summary>
    /// <remarks>The error has several local minima, so it starts from equal steps and from equal shares of the numbers, and takes the better end.</remarks>
    public static double[] Find(RankedValues values, BitWidth bits)
    {
        if (values.Minimum == values.Maximum)
        {
            var constant = new double[bits.CodeCount];
            Array.Fill(constant, values.Minimum);
            return constant;
        }

        var (best, smallest) = Improve(EqualSteps(values, bits), values, MaximumIterations);
        var (other, error) = Improve(EqualShares(values, bits), values, MaximumIterations);
        best = error < smallest ? other : best;

        // Means of few numbers beside much larger ones are off by rounding, by more than what lies between them.
        Array.Sort(best);
        return best;
    }

    /// <summary>Levels that are best for numbers near these, made better for these.</summary>
    /// <param name="levels">Ascending; unchanged.</param>
    /// <param name="values">The numbers.</param>
    public static double[] Refine(double[] levels, RankedValues values)
    {
        var (refined, _) = Improve([.. levels], values, RefiningIterations);
        Array.Sort(refined);
        return refined;
    }

    /// <summary>What separates levels: the middles between them.</summary>
    public static void Thresholds(ReadOnlySpan<double> levels, Span<double> thresholds)
    {
        for (var i = 0; i < thresholds.Length; i++)
        {
            thresholds[i] = (levels[i] + levels[i + 1]) / 2;
        }
    }

    private static double[] EqualSteps(RankedValues values, BitWidth bits)
    {
        var levels = new double[bits.CodeCount];
        for (var code = 0; code < levels.Length; code++)
        {
            levels[code] = values.Minimum + (((double)values.Maximum - values.Minimum) * (code + 0.5) / levels.Length);
        }

        return levels;
    }

    private static double[] EqualShares(RankedValues values, BitWidth bits)
    {
        var levels = new double[bits.CodeCount];
        for (var code = 0; code < levels.Length; code++)
        {
            levels[code] = values.Quantile((code + 0.5) / levels.Length);
        }

        return levels;
    }

    private static (double[] Levels, double Error) Improve(double[] levels, RankedValues values, int iterations)
    {
        var thresholds = new double[levels.Length - 1];
        Thresholds(levels, thresholds);
        var error = values.SquaredError(thresholds, levels);
        for (var iteration = 0; iteration < iterations; iteration++)
        {
            MoveToMeans(levels, thresholds, values);
            Thresholds(levels, thresholds);
            var next = values.SquaredError(thresholds, levels);
            var gain = error - next;
            error = next;
            if (gain <= Tolerance * error)
            {
                break;
            }
        }

        return (levels, error);
    }

    // A level that no number goes to stays where it is.
    private static void MoveToMeans(double[] levels, double[] thresholds, RankedValues values)
    {
        var before = default(Moments);
        for (var i = 0; i < levels.Length; i++)
        {
            var until = values.Below(i < thresholds.Length ? thresholds[i] : double.PositiveInfinity);
            var count = until.Count - before.Count;
            if (count > 0)
            {
                levels[i] = values.Origin + ((until.Sum - before.Sum) / count);
                before = until;
            }
        }
    }
}
