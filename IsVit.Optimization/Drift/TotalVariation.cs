namespace IsVit.Optimization.Drift;

/// <summary>The distance of two histograms of shares: the share of elements that would have to change place for them to be equal, 0 to 1.</summary>
internal static class TotalVariation
{
    public static double Of(ReadOnlySpan<double> one, ReadOnlySpan<double> other)
    {
        var sum = 0.0;
        for (var i = 0; i < one.Length; i++)
        {
            sum += Math.Abs(one[i] - other[i]);
        }

        return sum / 2;
    }

    public static double Of(IReadOnlyList<float> one, IReadOnlyList<float> other) =>
        Of([.. one.Select(static share => (double)share)], [.. other.Select(static share => (double)share)]);
}
