namespace IsVit.Quantizers.FreeLevels;

/// <summary>
/// The levels with the least weighted squared error for some numbers, by dynamic programming over the sorted numbers (Bruce, "Optimum quantization", MIT 1965; in O(levels numbers log numbers) because the best cuts move one way, as in
/// Wu, "Optimal quantization by matrix searching", Journal of Algorithms 12, 1991).
/// </summary>
internal sealed class OptimalLevels
{
    // Of more numbers, neighbours in order are taken together.
    private const int MostPoints = 4096;

    private readonly double[] _weight;
    private readonly double[] _sum;
    private readonly double[] _squares;
    private readonly double _origin;

    // Sums over the first points, each point less the origin.
    private OptimalLevels(double[] weight, double[] sum, double[] squares, double origin)
    {
        (_weight, _sum, _squares, _origin) = (weight, sum, squares, origin);
    }

    private int Points => _weight.Length - 1;

    /// <summary>The levels, ascending; the last ones are alike where there are fewer different numbers.</summary>
    /// <param name="numbers">At least one, finite.</param>
    /// <param name="importance">How much each number's squared error counts, at least 0; empty if all count alike.</param>
    /// <param name="count">How many levels.</param>
    public static double[] Find(ReadOnlySpan<float> numbers, ReadOnlySpan<float> importance, int count)
    {
        var sorted = numbers.ToArray();
        var weights = new float[sorted.Length];
        if (importance.IsEmpty || !importance.ContainsAnyExcept(0f))
        {
            Array.Fill(weights, 1);
            Array.Sort(sorted);
        }
        else
        {
            importance.CopyTo(weights);
            Array.Sort(sorted, weights);
        }

        return Of(sorted, weights).Find(count);
    }

    // What no error of counts is no point.
    private static OptimalLevels Of(float[] sorted, float[] weights)
    {
        var together = ((sorted.Length - 1) / MostPoints) + 1;
        double origin = sorted[sorted.Length / 2];
        var points = new List<(double Weight, double Sum, double Squares)>(Math.Min(sorted.Length, MostPoints));
        for (var start = 0; start < sorted.Length;)
        {
            double weight = 0, sum = 0, squares = 0;
            var end = start;
            do
            {
                var centred = sorted[end] - origin;
                weight += weights[end];
                sum += weights[end] * centred;
                squares += weights[end] * centred * centred;
                end++;
            }
            while (end < sorted.Length && (end - start < together || sorted[end] == sorted[end - 1]));

            if (weight > 0)
            {
                points.Add((weight, sum, squares));
            }

            start = end;
        }

        var totals = (Weight: new double[points.Count + 1], Sum: new double[points.Count + 1], Squares: new double[points.Count + 1]);
        for (var i = 0; i < points.Count; i++)
        {
            totals.Weight[i + 1] = totals.Weight[i] + points[i].Weight;
            totals.Sum[i + 1] = totals.Sum[i] + points[i].Sum;
            totals.Squares[i + 1] = totals.Squares[i] + points[i].Squares;
        }

        return new(totals.Weight, totals.Sum, totals.Squares, origin);
    }

    private double[] Find(int count)
    {
        var levels = new double[count];
        var used = Math.Min(count, Points);

        // least[i]: the error of the first i points with as many levels as there were rounds; cuts[r][i]: where the last of those levels begins.
        var least = new double[Points + 1];
        var next = new double[Points + 1];
        var cuts = new int[used][];
        cuts[0] = new int[Points + 1];
        for (var end = 1; end <= Points; end++)
        {
            least[end] = Error(0, end);
        }

        for (var round = 1; round < used; round++)
        {
            cuts[round] = new int[Points + 1];
            Extend(least, next, cuts[round], round + 1, Points, round, Points - 1);
            (least, next) = (next, least);
        }

        for (int i = used - 1, end = Points; i >= 0; i--)
        {
            var start = cuts[i][end];
            levels[i] = _origin + ((_sum[end] - _sum[start]) / (_weight[end] - _weight[start]));
            end = start;
        }

        Array.Fill(levels, levels[used - 1], used, count - used);

        // Means of few numbers beside much larger ones are off by rounding, by more than what lies between them.
        Array.Sort(levels);
        return levels;
    }

    // With one level more: for each end from first to last the best begin of that level, known to lie from lowest to highest. The best begin grows with the end, so each half bounds the other.
    private void Extend(double[] least, double[] next, int[] cuts, int first, int last, int lowest, int highest)
    {
        if (first > last)
        {
            return;
        }

        var middle = (first + last) >> 1;
        var (best, smallest) = (lowest, double.PositiveInfinity);
        for (var start = lowest; start <= Math.Min(highest, middle - 1); start++)
        {
            var error = least[start] + Error(start, middle);
            if (error < smallest)
            {
                (best, smallest) = (start, error);
            }
        }

        (next[middle], cuts[middle]) = (smallest, best);
        Extend(least, next, cuts, first, middle - 1, lowest, best);
        Extend(least, next, cuts, middle + 1, last, best, highest);
    }

    // Of the points from start to before end as one level.
    private double Error(int start, int end)
    {
        var sum = _sum[end] - _sum[start];
        return Math.Max(0, _squares[end] - _squares[start] - (sum * sum / (_weight[end] - _weight[start])));
    }
}
