using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;

namespace IsVit.Optimization.Stages;

/// <summary>Builds a recipe: which roles are quantized by which scheme, then the stages in order. Created by <see cref="QuantizationRecipe.Build"/>.</summary>
public sealed class RecipeBuilder
{
    private static readonly SiteRole[] s_activations = [SiteRole.Other, SiteRole.PostGelu, SiteRole.PostLayerNorm, SiteRole.PostSoftmax];

    private readonly string _name;
    private readonly Dictionary<SiteRole, SiteScheme> _schemes = [];
    private readonly List<IQuantizationStage> _stages = [];
    private Func<QuantizationRecipe, QuantizationRecipe> _settings = static recipe => recipe;

    internal RecipeBuilder(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        _name = name;
    }

    /// <summary>Quantizes weights.</summary>
    /// <param name="scheme">One of <see cref="SchemeNames"/>, or the scheme of a custom quantizer of the host.</param>
    /// <param name="granularity">Which elements share parameters; null for per output channel.</param>
    /// <param name="wideScheme">The scheme from <see cref="SiteScheme.WideBits"/> bits on; null for the same scheme.</param>
    public RecipeBuilder Weights(string scheme, Granularity? granularity = null, string? wideScheme = null) => Sites(SiteRole.Weight, scheme, granularity ?? Granularity.Channel(0), wideScheme);

    /// <summary>Quantizes all activations; a role that is set afterwards has its own scheme.</summary>
    /// <param name="scheme">One of <see cref="SchemeNames"/>, or the scheme of a custom quantizer of the host.</param>
    /// <param name="granularity">Which elements share parameters; null for per tensor.</param>
    /// <param name="wideScheme">The scheme from <see cref="SiteScheme.WideBits"/> bits on; null for the same scheme.</param>
    public RecipeBuilder Activations(string scheme, Granularity? granularity = null, string? wideScheme = null)
    {
        foreach (var role in s_activations)
        {
            Sites(role, scheme, granularity, wideScheme);
        }

        return this;
    }

    /// <summary>Quantizes the sites of one role.</summary>
    /// <param name="role">The role.</param>
    /// <param name="scheme">One of <see cref="SchemeNames"/>, or the scheme of a custom quantizer of the host.</param>
    /// <param name="granularity">Which elements share parameters; null for per tensor.</param>
    /// <param name="wideScheme">The scheme from <see cref="SiteScheme.WideBits"/> bits on; null for the same scheme.</param>
    public RecipeBuilder Sites(SiteRole role, string scheme, Granularity? granularity = null, string? wideScheme = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(scheme);
        _schemes[role] = new SiteScheme(scheme, granularity ?? Granularity.Tensor) { WideScheme = wideScheme };
        return this;
    }

    /// <summary>Appends stages, which run after those already added.</summary>
    /// <param name="stages">The stages, in order.</param>
    public RecipeBuilder Then(params IEnumerable<IQuantizationStage> stages)
    {
        ArgumentNullException.ThrowIfNull(stages);
        _stages.AddRange(stages);
        return this;
    }

    /// <summary>Sets the recipe's settings for options that are not set.</summary>
    /// <param name="settings">Changes the recipe, such as <c>recipe => recipe with { DropProbability = 0 }</c>.</param>
    public RecipeBuilder With(Func<QuantizationRecipe, QuantizationRecipe> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var before = _settings;
        _settings = recipe => settings(before(recipe));
        return this;
    }

    /// <summary>Creates the recipe.</summary>
    /// <exception cref="OptionsException">The recipe quantizes nothing or has no stage, the stages cannot run in their order, or a setting is out of range.</exception>
    public QuantizationRecipe Create()
    {
        if (_schemes.Count == 0 || _stages.Count == 0)
        {
            throw new OptionsException($"Recipe '{_name}' {(_schemes.Count == 0 ? "quantizes nothing" : "has no stage")}; expected {(_schemes.Count == 0 ? "a scheme for at least one role" : "at least one")}.");
        }

        return _settings(new QuantizationRecipe(_name, new Dictionary<SiteRole, SiteScheme>(_schemes), [.. _stages]));
    }
}
