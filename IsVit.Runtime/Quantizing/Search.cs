using System.Runtime.CompilerServices;

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
        for (var step = (thresholds.Length + 1) / 2; step > 0; step /= 2)
        {
            var reached = value >= thresholds[position + step - 1];
            position += step & -Unsafe.As<bool, byte>(ref reached);
        }

        return position;
    }
}
