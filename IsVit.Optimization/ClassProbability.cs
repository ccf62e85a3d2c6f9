using static TorchSharp.torch;

namespace IsVit.Optimization;

/// <summary>What a classifier says of one class.</summary>
/// <param name="Index">The class's place among the model's outputs, from 0.</param>
/// <param name="Name">Its name; null if it is unknown.</param>
/// <param name="Probability">The softmax of its logit, 0 to 1.</param>
public sealed record ClassProbability(int Index, string? Name, double Probability)
{
    /// <summary>Probabilities of logits, in float64 on the CPU.</summary>
    /// <param name="logits">[images, classes].</param>
    internal static Tensor Of(Tensor logits) => logits.cpu().to(float64).softmax(-1);

    /// <summary>The class's name, or its place, and the probability.</summary>
    public override string ToString() => Name is null ? FormattableString.Invariant($"class {Index}: {Probability:0.0000}") : FormattableString.Invariant($"{Name}: {Probability:0.0000}");
}
