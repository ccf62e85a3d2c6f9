namespace IsVit.Runtime.Quantizing;

/// <summary>Binary search without a branch that depends on the numbers.</summary>
internal static class Search
{
    /// <summary>How many thresholds a number reaches.</summary>
    /// <param name="value">The number; a NaN reaches none.</param>
    /// <param name="thresholds">2^b - 1, ascending.</param>
    public static int Position(float value, ReadOnlySpan<float> thresholds)
    {
        var position = 0;
        for (var bit = int.Log2(thresholds.Length); bit >= 0; bit--)
        {
            position += (value >= thresholds[position + (1 << bit) - 1] ? 1 : 0) << bit;
        }

        return position;
    }
}
