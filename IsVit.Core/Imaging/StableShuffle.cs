namespace IsVit.Core.Imaging;

/// <summary>Shuffles that stay the same on every machine and with every version of .NET.</summary>
/// <remarks>
/// Fisher-Yates from the end: for i = n-1 down to 1, the entries i and j are swapped, where j is the upper 64 bits of the 128-bit product r * (i + 1)
/// and r is the next number of SplitMix64 begun at the seed.
/// </remarks>
internal static class StableShuffle
{
    /// <summary>The numbers 0 to <paramref name="count"/> - 1, shuffled.</summary>
    /// <param name="count">How many numbers, at least 0.</param>
    /// <param name="seed">Any number; equal seeds give equal orders.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public static int[] Permutation(int count, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var order = new int[count];
        for (var i = 0; i < count; i++)
        {
            order[i] = i;
        }

        var state = unchecked((ulong)seed);
        for (var i = count - 1; i > 0; i--)
        {
            var j = (int)Math.BigMul(SplitMix64(ref state), (ulong)i + 1, out _);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    /// <summary>The next number of the generator SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).</summary>
    private static ulong SplitMix64(ref ulong state)
    {
        unchecked
        {
            state += 0x9E3779B97F4A7C15;
            var z = state;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }
}
