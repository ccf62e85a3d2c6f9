using System.Runtime.Intrinsics.X86;

namespace IsVit.Detection.Operators;

/// <summary>
/// The columns of each bin, one after the other: for a window of two vectors of 512 bits, out of which a processor with AVX-512 picks 16 numbers at once. That takes a product for each column of a bin
/// rather than of all bins.
/// </summary>
/// <param name="Count">The most columns that a bin has.</param>
/// <param name="Indices">[count, lanes]: the column in the window.</param>
/// <param name="Weights">[count, lanes]: 0 beyond a bin's columns.</param>
internal sealed record ColumnTaps(int Count, int[] Indices, float[] Weights)
{
    /// <summary>Bins in a vector.</summary>
    public const int Lanes = 16;

    /// <summary>Numbers in two vectors.</summary>
    public const int LongestWindow = 2 * Lanes;

    // Beyond, a product for each column of the window takes no longer.
    private const int MostColumns = 8;

    /// <summary>The columns; null where a bin has many, or the processor does not pick.</summary>
    /// <param name="first">Each bin's first column.</param>
    /// <param name="end">Where each bin's weights end.</param>
    /// <param name="weights">The weights, bin by bin.</param>
    /// <param name="windowStart">The window's first column.</param>
    public static ColumnTaps? Find(int[] first, int[] end, float[] weights, int windowStart)
    {
        if (!Avx512F.IsSupported)
        {
            return null;
        }

        var count = 0;
        for (var bin = 0; bin < end.Length; bin++)
        {
            count = Math.Max(count, end[bin] - (bin == 0 ? 0 : end[bin - 1]));
        }

        if (count > MostColumns)
        {
            return null;
        }

        var taps = new ColumnTaps(count, new int[count * Lanes], new float[count * Lanes]);
        for (int bin = 0, next = 0; bin < end.Length; bin++)
        {
            for (var tap = 0; next < end[bin]; tap++, next++)
            {
                taps.Indices[tap * Lanes + bin] = first[bin] - windowStart + tap;
                taps.Weights[tap * Lanes + bin] = weights[next];
            }
        }

        return taps;
    }
}
