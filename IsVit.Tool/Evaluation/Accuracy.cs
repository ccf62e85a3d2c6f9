namespace IsVit.Tool.Evaluation;

/// <summary>How right a model's answers are, and how close to another model's.</summary>
internal static class Accuracy
{
    /// <summary>
    /// Percent of images whose right class is among the k largest logits. Of equal logits the class of the lower number comes first, as
    /// <c>argmax</c> has it; a row with a NaN counts as wrong.
    /// </summary>
    /// <param name="logits">Answers with labels.</param>
    /// <param name="k">1 or more; the number of classes at most counts.</param>
    /// <exception cref="ArgumentException">There are no labels.</exception>
    public static double Top(Logits logits, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        var labels = logits.Labels ?? throw new ArgumentException("Accuracy needs labels.", nameof(logits));
        var right = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            if (Rank(logits[i], (int)labels[i]) < k)
            {
                right++;
            }
        }

        return 100d * right / labels.Length;
    }

    /// <summary>Percent of images to which both models give the same first class; a row with a NaN counts as different.</summary>
    /// <param name="one">Answers.</param>
    /// <param name="other">Answers to the same images.</param>
    /// <exception cref="ArgumentException">The numbers of images or classes differ.</exception>
    public static double Agreement(Logits one, Logits other)
    {
        RequireSameShape(one, other);
        var same = 0;
        for (var i = 0; i < one.Count; i++)
        {
            var first = First(one[i]);
            if (first >= 0 && first == First(other[i]))
            {
                same++;
            }
        }

        return 100d * same / one.Count;
    }

    /// <summary>The mean over images and classes of the squared difference of the logits.</summary>
    /// <param name="one">Answers.</param>
    /// <param name="other">Answers to the same images.</param>
    /// <exception cref="ArgumentException">The numbers of images or classes differ.</exception>
    public static double MeanSquaredError(Logits one, Logits other)
    {
        RequireSameShape(one, other);
        var sum = 0d;
        for (var i = 0; i < one.Values.Length; i++)
        {
            var difference = (double)one.Values[i] - other.Values[i];
            sum += difference * difference;
        }

        return sum / one.Values.Length;
    }

    // How many classes come before the given one; the number of classes if a logit is NaN.
    private static int Rank(ReadOnlySpan<float> row, int label)
    {
        var rank = 0;
        for (var i = 0; i < row.Length; i++)
        {
            if (float.IsNaN(row[i]))
            {
                return row.Length;
            }

            if (row[i] > row[label] || (row[i] == row[label] && i < label))
            {
                rank++;
            }
        }

        return rank;
    }

    private static int First(ReadOnlySpan<float> row)
    {
        var best = 0;
        for (var i = 0; i < row.Length; i++)
        {
            if (float.IsNaN(row[i]))
            {
                return -1;
            }

            best = row[i] > row[best] ? i : best;
        }

        return best;
    }

    private static void RequireSameShape(Logits one, Logits other)
    {
        if (one.ClassCount != other.ClassCount || one.Values.Length != other.Values.Length)
        {
            throw new ArgumentException($"{one.Count} x {one.ClassCount} logits cannot be compared with {other.Count} x {other.ClassCount}.", nameof(other));
        }
    }
}
