using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Recipes;

namespace IsVit.Optimization.Options;

/// <summary>How a model is quantized. The defaults are those of I&amp;S-ViT (arXiv 2311.10126, section 5.1) at W4A4.</summary>
public sealed record QuantizationOptions
{
    /// <summary>Number of bits of weights, 2 to 8.</summary>
    public int WeightBits { get; set; } = 4;

    /// <summary>Number of bits of activations, 2 to 8.</summary>
    public int ActivationBits { get; set; } = 4;

    /// <summary>The name of the recipe: which quantizers are used where, and which stages run. See <see cref="RecipeNames"/>.</summary>
    public string Recipe { get; set; } = RecipeNames.ISVit;

    /// <summary>Determines every random choice, 0 or more. The same seed on the same machine gives the same model bit for bit.</summary>
    public int Seed { get; set; }

    /// <summary>How a change of the model's outputs is measured where errors are weighted by their effect on the outputs.</summary>
    public OutputMetric OutputMetric { get; set; } = OutputMetric.ClassProbabilities;

    /// <summary>How the zeros of pruned layers are treated.</summary>
    public SparsityHandling Sparsity { get; set; } = SparsityHandling.Warn;

    /// <summary>How quantizers are calibrated.</summary>
    public CalibrationOptions Calibration { get; set; } = new();

    /// <summary>How units are reconstructed.</summary>
    public ReconstructionOptions Reconstruction { get; set; } = new();

    /// <summary>How biases and normalization parameters are trained at the end.</summary>
    public OutputTuningOptions OutputTuning { get; set; } = new();

    /// <summary>Different quantizers for some sites, or none. Later entries take precedence.</summary>
    public IList<SiteOverride> Overrides { get; set; } = [];

    /// <summary>Sets recipe and bits from a preset, such as <see cref="QuantizationPresets.W8A8"/>.</summary>
    /// <param name="preset">The preset.</param>
    public void Use(QuantizationPreset preset)
    {
        ArgumentNullException.ThrowIfNull(preset);
        (Recipe, WeightBits, ActivationBits) = (preset.Recipe, preset.WeightBits, preset.ActivationBits ?? ActivationBits);
    }

    /// <summary>Sets iterations, the batch size and the number of images for statistics from an effort, such as <see cref="QuantizationEfforts.Balanced"/>. The caller decides how many calibration images to pass.</summary>
    /// <param name="effort">The effort.</param>
    public void Use(QuantizationEffort effort)
    {
        ArgumentNullException.ThrowIfNull(effort);
        (Reconstruction.Iterations, Reconstruction.BatchSize, Calibration.StatisticsImageCount, OutputTuning.Steps) = (effort.Iterations, effort.BatchSize, effort.ImageCount, effort.TuningSteps);
    }

    /// <summary>Throws if an option is out of range.</summary>
    /// <exception cref="OptionsException">The message names the option, the value and what is allowed.</exception>
    public void Validate()
    {
        OptionRange.Require(nameof(WeightBits), WeightBits, BitWidth.Minimum, BitWidth.Maximum);
        OptionRange.Require(nameof(ActivationBits), ActivationBits, BitWidth.Minimum, BitWidth.Maximum);
        OptionRange.Require(nameof(Seed), Seed, 0, int.MaxValue);
        OptionRange.RequireDefined(nameof(OutputMetric), OutputMetric);
        OptionRange.RequireDefined(nameof(Sparsity), Sparsity);
        if (string.IsNullOrWhiteSpace(Recipe))
        {
            throw new OptionsException($"{nameof(Recipe)} is empty; expected the name of a recipe, such as '{RecipeNames.ISVit}'.");
        }

        if (Calibration is null || Reconstruction is null || OutputTuning is null || Overrides is null)
        {
            throw new OptionsException($"{nameof(Calibration)}, {nameof(Reconstruction)}, {nameof(OutputTuning)} and {nameof(Overrides)} must not be null.");
        }

        Calibration.Validate();
        Reconstruction.Validate();
        OutputTuning.Validate();
        for (var i = 0; i < Overrides.Count; i++)
        {
            var name = FormattableString.Invariant($"{nameof(Overrides)}[{i}]");
            (Overrides[i] ?? throw new OptionsException($"{name} is null; expected an override.")).Validate(name);
        }
    }

    /// <summary>
    /// Returns the quantizer of a site: the recipe's scheme for its role with the bits of these options, changed by the overrides. A model's input, for which recipes have no scheme, is quantized if an override
    /// names its operand and a scheme, and the recipe quantizes activations.
    /// </summary>
    /// <param name="site">The site.</param>
    /// <param name="schemes">The recipe's schemes.</param>
    /// <returns>Null for a site that stays in float.</returns>
    public QuantizerSpec? SpecFor(Site site, IReadOnlyDictionary<SiteRole, SiteScheme> schemes) => SpecFor(site, schemes, width: null);

    /// <summary>The quantizer that a site gets, or would get with another width.</summary>
    internal QuantizerSpec? SpecFor(Site site, IReadOnlyDictionary<SiteRole, SiteScheme> schemes, int? width)
    {
        ArgumentNullException.ThrowIfNull(site);
        ArgumentNullException.ThrowIfNull(schemes);
        var own = schemes.GetValueOrDefault(site.Role);
        if (own is null && (site.Role != SiteRole.ModelInput || schemes.Keys.All(static role => role == SiteRole.Weight)))
        {
            return null;
        }

        var (isQuantized, bits, scheme, granularity) = (true, site.Role == SiteRole.Weight ? WeightBits : ActivationBits, default(string), own?.Granularity ?? Granularity.Tensor);
        foreach (var change in Overrides.Where(change => change.Fits(site) && (own is not null || change.Operand is not null)))
        {
            isQuantized = change.Quantize;
            (bits, scheme) = (change.Bits ?? bits, change.Scheme ?? scheme);
            granularity = change.Granularity is null ? granularity : Granularity.Parse(change.Granularity);
        }

        bits = width ?? bits;
        return isQuantized && (scheme ?? own?.SchemeAt(bits)) is { } chosen ? new QuantizerSpec(chosen, bits, granularity) : null;
    }

    /// <summary>Throws if an override asks for a scheme that no quantizer has.</summary>
    internal void ValidateSchemes(QuantizerRegistry quantizers)
    {
        for (var i = 0; i < Overrides.Count; i++)
        {
            if (Overrides[i].Scheme is { } scheme && !quantizers.Knows(scheme))
            {
                throw new OptionsException(FormattableString.Invariant($"{nameof(Overrides)}[{i}].{nameof(SiteOverride.Scheme)} is '{scheme}'; known are {string.Join(", ", quantizers.Schemes)}."));
            }
        }
    }

    /// <summary>Throws if the recipe is none of those that there are.</summary>
    internal void ValidateRecipe(IEnumerable<string> known)
    {
        var names = known.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (!names.Contains(FormerNames.Recipe(Recipe, names), StringComparer.Ordinal))
        {
            throw new OptionsException($"{nameof(Recipe)} is '{Recipe}'; known are {string.Join(", ", names)}.");
        }
    }

    internal QuantizationOptions Copy() => this with
    {
        Calibration = Calibration with { },
        Reconstruction = Reconstruction with { },
        OutputTuning = OutputTuning with { },
        Overrides = [.. Overrides.Select(static change => change with { })],
    };
}
