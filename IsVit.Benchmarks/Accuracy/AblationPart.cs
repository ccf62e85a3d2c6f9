using IsVit.Model;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;

namespace IsVit.Benchmarks.Accuracy;

/// <summary>A part of the recipe <c>isvit</c> that can be taken out of it.</summary>
/// <param name="Name">What a table calls it.</param>
/// <param name="Without">The recipe without it.</param>
internal sealed record AblationPart(string Name, Func<QuantizationRecipe, QuantizationRecipe> Without)
{
    /// <summary>All of them, in the order in which they come into play.</summary>
    public static IReadOnlyList<AblationPart> All { get; } =
    [
        Stage(StageNames.HeadRotation),
        Stage(StageNames.OutputSensitivity),
        Stage(StageNames.ValueNormalization),
        Scheme("free levels behind GELU", SiteRole.PostGelu, SchemeNames.UniformMse),
        Scheme("free levels behind LayerNorm", SiteRole.PostLayerNorm, SchemeNames.UniformMse),
        Scheme("free levels for queries, keys, values and what proj and head read", SiteRole.Other, SchemeNames.UniformMse),
        Scheme("attention fitted to its product", SiteRole.PostSoftmax, SchemeNames.ShiftUniformLog2),
        Stage(StageNames.RidgeCorrection),
        Stage(StageNames.ActivationReconstruction),
        Stage(StageNames.Reparameterization),
        Scheme("free levels for weights", SiteRole.Weight, SchemeNames.UniformMse),
        Stage(StageNames.Gptq),
        Stage(StageNames.BiasCorrection),
        Stage(StageNames.WeightReconstruction),
        Stage(StageNames.OutputTuning),
        new("roundings left out in steps", static recipe => recipe with { DropProbability = 0 }),
        new("images held out of steps", static recipe => recipe with { HeldOutShare = 0 }),
        new("views of images", static recipe => recipe with { FreshViews = false }),
    ];

    private static AblationPart Stage(string stage) => new($"`{stage}`", recipe => recipe with { Stages = [.. recipe.Stages.Where(other => other.Name != stage)] });

    private static AblationPart Scheme(string name, SiteRole role, string scheme) =>
        new(name, recipe => recipe with { Schemes = new Dictionary<SiteRole, SiteScheme>(recipe.Schemes) { [role] = recipe.Schemes[role] with { Scheme = scheme } } });
}
