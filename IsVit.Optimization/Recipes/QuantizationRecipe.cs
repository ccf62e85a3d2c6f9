using IsVit.Model;
using IsVit.Optimization.Options;

namespace IsVit.Optimization.Recipes;

/// <summary>A way to quantize a model: which quantizers go where, and which stages run in which order.</summary>
/// <param name="Name">The name that <see cref="QuantizationOptions.Recipe"/> asks for.</param>
/// <param name="Schemes">A quantizer for each role; a role without one stays in float.</param>
/// <param name="Stages">The names of the stages, see <see cref="StageNames"/>.</param>
public sealed record QuantizationRecipe(
    string Name,
    IReadOnlyDictionary<SiteRole, SiteScheme> Schemes,
    IReadOnlyList<string> Stages)
{
    /// <summary>Adam's learning rate at a unit's first step where the options name none; null for one that goes by the number of steps (<see cref="ReconstructionOptions.RateFor"/>).</summary>
    public double? LearningRate { get; init; }

    /// <summary>What <see cref="ReconstructionOptions.DropProbability"/> is where the options name none.</summary>
    public double DropProbability { get; init; } = 0.5;

    /// <summary>What <see cref="ReconstructionOptions.HeldOutShare"/> is where the options name none.</summary>
    public double HeldOutShare { get; init; } = 1.0 / 8;

    /// <summary>Whether units are reconstructed on views of images where <see cref="ReconstructionOptions.Views"/> names no number of them.</summary>
    public bool FreshViews { get; init; } = true;

    /// <summary>Whether any role but the weights' has a quantizer.</summary>
    public bool QuantizesActivations => Schemes.Keys.Any(static role => role != SiteRole.Weight);
}
