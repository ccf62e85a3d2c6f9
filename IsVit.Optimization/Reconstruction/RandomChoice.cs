namespace IsVit.Optimization.Reconstruction;

/// <summary>Random choices without repetition.</summary>
internal static class RandomChoice
{
    /// <summary>Makes the first entries of a list a random choice of all (Fisher-Yates, as far as needed).</summary>
    /// <param name="items">The list; its order changes.</param>
    /// <param name="count">How many are chosen.</param>
    /// <param name="random">Chooses.</param>
    /// <returns>The first entries.</returns>
    public static Span<T> Draw<T>(T[] items, int count, Random random)
    {
        for (var i = 0; i < count; i++)
        {
            var other = random.Next(i, items.Length);
            (items[i], items[other]) = (items[other], items[i]);
        }

        return items.AsSpan(0, count);
    }
}
