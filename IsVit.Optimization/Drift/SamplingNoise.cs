namespace IsVit.Optimization.Drift;

/// <summary>How far samples of the same images lie apart by chance, at every site.</summary>
internal static class SamplingNoise
{
    /// <summary>For each series of groups, the total variation that, times <see cref="Spread"/>, no split exceeds at any of the series.</summary>
    /// <remarks>
    /// A mean of n images scatters as 1/sqrt(n), so that distances of all splits, divided by it, are distances of one image each. A series' mean distance is its own; by what factor the
    /// largest exceeds it is taken over all series, as a comparison looks at all of them at once.
    /// </remarks>
    /// <param name="series">Each the shares of some groups of equally many images, [groups][shares].</param>
    /// <param name="splits">Which groups are in a sample.</param>
    /// <param name="imagesPerGroup">The images of a group.</param>
    public static double[] Of(IReadOnlyList<double[][]> series, IReadOnlyList<int[]> splits, int imagesPerGroup)
    {
        var typical = new double[series.Count];
        var factor = 0.0;
        for (var i = 0; i < series.Count; i++)
        {
            var distances = Distances(series[i], splits, imagesPerGroup);
            typical[i] = distances.Average();
            factor = typical[i] > 0 ? Math.Max(factor, distances.Max() / typical[i]) : factor;
        }

        return Array.ConvertAll(typical, distance => distance * factor);
    }

    /// <summary>By how much means of two samples scatter, in terms of single images.</summary>
    public static double Spread(double images, double otherImages) => Math.Sqrt((1 / images) + (1 / otherImages));

    private static double[] Distances(double[][] groups, IReadOnlyList<int[]> splits, int imagesPerGroup)
    {
        var total = Sum(groups, Enumerable.Range(0, groups.Length));
        var distances = new double[splits.Count];
        for (var i = 0; i < splits.Count; i++)
        {
            var (inside, outside) = (splits[i].Length, groups.Length - splits[i].Length);
            var sample = Sum(groups, splits[i]);
            var rest = new double[total.Length];
            for (var entry = 0; entry < total.Length; entry++)
            {
                rest[entry] = (total[entry] - sample[entry]) / outside;
                sample[entry] /= inside;
            }

            distances[i] = TotalVariation.Of(sample, rest) / Spread((double)inside * imagesPerGroup, (double)outside * imagesPerGroup);
        }

        return distances;
    }

    private static double[] Sum(double[][] groups, IEnumerable<int> which)
    {
        var sum = new double[groups[0].Length];
        foreach (var group in which)
        {
            for (var entry = 0; entry < sum.Length; entry++)
            {
                sum[entry] += groups[group][entry];
            }
        }

        return sum;
    }
}
