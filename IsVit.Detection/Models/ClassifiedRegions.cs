using IsVit.Core.Arithmetic;
using TorchSharp;

namespace IsVit.Detection.Models;

/// <summary>What the stages of a detector said of regions.</summary>
/// <param name="Stages">One for each stage.</param>
internal sealed record ClassifiedRegions(IReadOnlyList<ClassifiedStage> Stages)
{
    /// <summary>The probabilities of the classes of an image's regions, from the mean of the stages' logits.</summary>
    /// <returns>[regions, classes + 1].</returns>
    public torch.Tensor Probabilities(int image)
    {
        using var scope = torch.NewDisposeScope();
        var sum = Stages.Select(stage => stage.Scores[image]).Aggregate(static (sum, scores) => sum.Plus(scores));
        return scope.MoveToOuter(torch.nn.functional.softmax(sum.Over(Stages.Count), 1));
    }
}
