namespace IsVit.Optimization.MixedPrecision;

/// <summary>What no other beats both in cost and in loss.</summary>
internal static class ParetoFront
{
    /// <summary>The front, from cheap to dear; of equals the first.</summary>
    /// <param name="items">The candidates.</param>
    /// <param name="cost">What one costs.</param>
    /// <param name="loss">What one loses.</param>
    public static List<T> Of<T>(IEnumerable<T> items, Func<T, long> cost, Func<T, double> loss)
    {
        var best = new List<T>();
        foreach (var item in items.OrderBy(cost).ThenBy(loss))
        {
            if (best.Count == 0 || loss(item) < loss(best[^1]))
            {
                best.Add(item);
            }
        }

        return best;
    }
}
