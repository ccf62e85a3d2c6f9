using IsVit.Runtime.Functions;

namespace IsVit.Runtime;

/// <summary>A class that an image may be of.</summary>
/// <param name="Index">Its place among the outputs.</param>
/// <param name="Name">Its name, or null if the file names no such class.</param>
/// <param name="Probability">The softmax of its output among all, 0 to 1.</param>
public readonly record struct ClassScore(int Index, string? Name, float Probability)
{
    /// <summary>Finds the likeliest classes among a classifier's outputs, whatever computed them.</summary>
    /// <param name="outputs">The outputs for one image, before the softmax.</param>
    /// <param name="names">The classes' names in the outputs' order; null if they are not known.</param>
    /// <param name="count">How many classes, at least 1; if there are fewer, all of them.</param>
    /// <returns>The classes, the likeliest first; of equally likely ones that of the lower index.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is below 1.</exception>
    public static IReadOnlyList<ClassScore> Best(ReadOnlySpan<float> outputs, IReadOnlyList<string>? names, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var probabilities = outputs.ToArray();
        Softmax.Apply(probabilities);
        var order = Enumerable.Range(0, probabilities.Length).ToArray();
        Array.Sort(order, (a, b) => probabilities[b].CompareTo(probabilities[a]) is var sign and not 0 ? sign : a.CompareTo(b));
        var best = new ClassScore[Math.Min(count, order.Length)];
        for (var i = 0; i < best.Length; i++)
        {
            best[i] = new(order[i], names is not null && order[i] < names.Count ? names[order[i]] : null, probabilities[order[i]]);
        }

        return best;
    }
}
