using IsVit.Model;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;

namespace IsVit.Optimization.Stages;

/// <summary>A way to quantize a model: which quantizers are used where, and which stages run in which order. <see cref="Build"/> starts a custom recipe.</summary>
public sealed record QuantizationRecipe
{
    private readonly IReadOnlyList<IQuantizationStage> _stages = [];
    private readonly double? _learningRate;
    private readonly double _dropProbability = 0.5;
    private readonly double _heldOutShare = 1.0 / 8;

    /// <summary>Creates a recipe.</summary>
    /// <param name="name">The name for <see cref="QuantizationOptions.Recipe"/>.</param>
    /// <param name="schemes">A quantizer for each role; a role without one stays in float.</param>
    /// <param name="stages">The stages, in the order in which they run.</param>
    /// <exception cref="OptionsException">The stages cannot run in this order.</exception>
    public QuantizationRecipe(string name, IReadOnlyDictionary<SiteRole, SiteScheme> schemes, IReadOnlyList<IQuantizationStage> stages)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(schemes);
        ArgumentNullException.ThrowIfNull(stages);
        (Name, Schemes, Stages) = (name, schemes, stages);
    }

    /// <summary>The name for <see cref="QuantizationOptions.Recipe"/>.</summary>
    public string Name { get; init; }

    /// <summary>A quantizer for each role; a role without one stays in float.</summary>
    public IReadOnlyDictionary<SiteRole, SiteScheme> Schemes { get; init; }

    /// <summary>The stages, in the order in which they run.</summary>
    /// <exception cref="OptionsException">The stages cannot run in this order.</exception>
    public IReadOnlyList<IQuantizationStage> Stages
    {
        get => _stages;
        init
        {
            StageOrder.Require(Name, value);
            _stages = value;
        }
    }

    /// <summary>Adam's initial learning rate for a unit if the options set none; null for one that depends on the number of iterations (<see cref="ReconstructionOptions.RateFor"/>).</summary>
    /// <exception cref="OptionsException">It is not positive.</exception>
    public double? LearningRate
    {
        get => _learningRate;
        init
        {
            OptionRange.RequirePositive(Option(nameof(LearningRate)), value ?? 1);
            _learningRate = value;
        }
    }

    /// <summary>The value of <see cref="ReconstructionOptions.DropProbability"/> if the options set none.</summary>
    /// <exception cref="OptionsException">It is out of range.</exception>
    public double DropProbability
    {
        get => _dropProbability;
        init
        {
            OptionRange.Require(Option(nameof(DropProbability)), value, 0, ReconstructionOptions.LargestDropProbability);
            _dropProbability = value;
        }
    }

    /// <summary>The value of <see cref="ReconstructionOptions.HeldOutShare"/> if the options set none.</summary>
    /// <exception cref="OptionsException">It is out of range.</exception>
    public double HeldOutShare
    {
        get => _heldOutShare;
        init
        {
            OptionRange.Require(Option(nameof(HeldOutShare)), value, 0, ReconstructionOptions.LargestHeldOutShare);
            _heldOutShare = value;
        }
    }

    /// <summary>Whether units are reconstructed on views of images if <see cref="ReconstructionOptions.Views"/> sets no number of views.</summary>
    public bool FreshViews { get; init; } = true;

    /// <summary>Whether any role other than weights has a quantizer.</summary>
    public bool QuantizesActivations => Schemes.Keys.Any(static role => role != SiteRole.Weight);

    /// <summary>Starts building a recipe.</summary>
    /// <param name="name">The name for <see cref="QuantizationOptions.Recipe"/>.</param>
    public static RecipeBuilder Build(string name) => new(name);

    /// <summary>The share of the images that no step is taken on: what the options set, else the recipe's.</summary>
    internal double HeldOutShareFor(ReconstructionOptions options) => options.HeldOutShare ?? HeldOutShare;

    /// <summary>The share of the images that states are judged by.</summary>
    internal double LookedAtShareFor(ReconstructionOptions options) => HeldOutShareFor(options) is > 0 and var share ? share : 1;

    private string Option(string name) => $"{name} of recipe '{Name}'";
}
