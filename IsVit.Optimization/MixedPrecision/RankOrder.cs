namespace IsVit.Optimization.MixedPrecision;

/// <summary>How far two lists of numbers agree on which is larger.</summary>
internal static class RankOrder
{
    /// <summary>Spearman's rank correlation, equal numbers sharing the mean of their ranks; null where one list has no two different numbers.</summary>
    public static double? Correlation(IReadOnlyList<double> left, IReadOnlyList<double> right)
    {
        var (a, b) = (Ranks(left), Ranks(right));
        var middle = (a.Length - 1) / 2.0;
        double Product(double[] x, double[] y) => x.Zip(y, (p, q) => (p - middle) * (q - middle)).Sum();
        var scale = Math.Sqrt(Product(a, a) * Product(b, b));
        return scale > 0 ? Product(a, b) / scale : null;
    }

    private static double[] Ranks(IReadOnlyList<double> values)
    {
        var order = Enumerable.Range(0, values.Count).OrderBy(i => values[i]).ToArray();
        var ranks = new double[values.Count];
        for (var first = 0; first < order.Length;)
        {
            var end = first + 1;
            while (end < order.Length && values[order[end]] == values[order[first]])
            {
                end++;
            }

            for (var i = first; i < end; i++)
            {
                ranks[order[i]] = (first + end - 1) / 2.0;
            }

            first = end;
        }

        return ranks;
    }
}
