using IsVit.Runtime;

namespace Serve;

/// <summary>One class of an answer.</summary>
/// <param name="Index">Its place among the model's outputs.</param>
/// <param name="Name">Its name; null if unknown.</param>
/// <param name="Probability">The softmax of its logit.</param>
internal sealed record ClassAnswer(int Index, string? Name, double Probability)
{
    /// <summary>The most probable classes.</summary>
    public static IReadOnlyList<ClassAnswer> Best(ReadOnlySpan<float> logits, IReadOnlyList<string>? names, int top) =>
        [.. ClassScore.Best(logits, names, top).Select(static score => new ClassAnswer(score.Index, score.Name, score.Probability))];
}
