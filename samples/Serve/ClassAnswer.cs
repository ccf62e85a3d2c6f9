namespace Serve;

/// <summary>One class of an answer.</summary>
/// <param name="Index">Its place among the model's outputs.</param>
/// <param name="Name">Its name; null if unknown.</param>
/// <param name="Probability">The softmax of its logit.</param>
internal sealed record ClassAnswer(int Index, string? Name, double Probability)
{
    /// <summary>The most probable classes.</summary>
    public static IReadOnlyList<ClassAnswer> Best(ReadOnlySpan<float> logits, IReadOnlyList<string>? names, int top)
    {
        var places = new int[logits.Length];
        var probabilities = new double[logits.Length];
        var largest = float.NegativeInfinity;
        foreach (var logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        var sum = 0.0;
        for (var i = 0; i < places.Length; i++)
        {
            (places[i], probabilities[i]) = (i, Math.Exp((double)logits[i] - largest));
            sum += probabilities[i];
        }

        // Of equal ones the first stays first.
        return [.. places.OrderByDescending(place => probabilities[place]).Take(top).Select(place => new ClassAnswer(place, names?[place], probabilities[place] / sum))];
    }
}
