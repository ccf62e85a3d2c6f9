namespace IsVit.Detection.Training;

/// <summary>Which boxes a step trains with; MMDetection's <c>RandomSampler</c>.</summary>
internal static class BoxSampling
{
    /// <summary>Draws boxes without repetition.</summary>
    /// <param name="assigned">For each box what <see cref="BoxAssignment"/> gave.</param>
    /// <param name="count">The most boxes.</param>
    /// <param name="positiveShare">The largest share of those on objects; boxes of the background fill up.</param>
    /// <param name="random">Draws.</param>
    /// <returns>Indices of boxes on objects, and of the background, each ascending.</returns>
    public static (int[] Positives, int[] Negatives) Sample(ReadOnlySpan<int> assigned, int count, double positiveShare, Random random)
    {
        var (positives, negatives) = (new List<int>(), new List<int>());
        for (var i = 0; i < assigned.Length; i++)
        {
            if (assigned[i] >= 0)
            {
                positives.Add(i);
            }
            else if (assigned[i] == BoxAssignment.Background)
            {
                negatives.Add(i);
            }
        }

        var chosen = Draw(positives, (int)(count * positiveShare), random);
        return (chosen, Draw(negatives, count - chosen.Length, random));
    }

    private static int[] Draw(List<int> from, int count, Random random)
    {
        if (from.Count <= count)
        {
            return [.. from];
        }

        // The first steps of a shuffle.
        for (var i = 0; i < count; i++)
        {
            var other = random.Next(i, from.Count);
            (from[i], from[other]) = (from[other], from[i]);
        }

        var drawn = from.GetRange(0, count).ToArray();
        Array.Sort(drawn);
        return drawn;
    }
}
