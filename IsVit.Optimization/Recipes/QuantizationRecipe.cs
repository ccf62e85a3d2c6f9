using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Reconstruction;

namespace IsVit.Optimization.Recipes;

/// <summary>A way to quantize a model: which quantizers go where, and which stages run in which order.</summary>
/// <param name="Name">The name that <see cref="QuantizationOptions.Recipe"/> asks for.</param>
/// <param name="Schemes">A quantizer for each role; a role without one stays in float.</param>
/// <param name="Stages">The names of the stages, see <see cref="Stages.StageNames"/>.</param>
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

    /// <summary>The quantizer that a site gets: the role's scheme with the options' bits, changed by the overrides.</summary>
    /// <param name="site">The site.</param>
    /// <param name="options">Bits and overrides.</param>
    /// <returns>Null for a site that stays in float.</returns>
    public QuantizerSpec? SpecFor(Site site, QuantizationOptions options) => SpecFor(site, options, width: null);

    /// <summary>The quantizer that a site gets, or would get with another width.</summary>
    internal QuantizerSpec? SpecFor(Site site, QuantizationOptions options, int? width)
    {
        ArgumentNullException.ThrowIfNull(site);
        ArgumentNullException.ThrowIfNull(options);
        if (!Schemes.TryGetValue(site.Role, out var own))
        {
            return null;
        }

        var (isQuantized, bits, scheme, granularity) = (true, site.Role == SiteRole.Weight ? options.WeightBits : options.ActivationBits, default(string), own.Granularity);
        foreach (var change in options.Overrides.Where(change => change.Fits(site)))
        {
            isQuantized = change.Quantize;
            (bits, scheme) = (change.Bits ?? bits, change.Scheme ?? scheme);
            granularity = change.Granularity is null ? granularity : Granularity.Parse(change.Granularity);
        }

        bits = width ?? bits;
        return isQuantized ? new QuantizerSpec(scheme ?? own.SchemeAt(bits), bits, granularity) : null;
    }
}
