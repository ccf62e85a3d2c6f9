using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Stages;

namespace IsVit.Optimization;

/// <summary>Which site of a graph gets which quantizer.</summary>
/// <param name="graph">The traced graph.</param>
/// <param name="options">Bits and overrides.</param>
/// <param name="recipe">Schemes.</param>
internal sealed class SiteQuantizers(ModuleGraph graph, QuantizationOptions options, QuantizationRecipe recipe)
{
    /// <summary>Throws if an override fits no site, or sites that stay in float: what a mistyped one should have protected would be lost silently.</summary>
    /// <exception cref="QuantizationException">The message names the override.</exception>
    public void RequireOverridesToFit()
    {
        for (var i = 0; i < options.Overrides.Count; i++)
        {
            var change = options.Overrides[i];
            var fitting = graph.Sites.Where(change.Fits).ToList();
            if (fitting.Count == 0)
            {
                throw new QuantizationException(
                    FormattableString.Invariant($"{nameof(QuantizationOptions.Overrides)}[{i}].{nameof(SiteOverride.Pattern)} is '{change.Pattern}'{(change.Operand is { } operand ? $" with operand {operand}" : "")}, which fits no site of the model; its sites' paths are {string.Join(", ", graph.Sites.Select(static site => site.Path).Distinct().Take(40))}."));
            }

            if (change.Quantize && (change.Bits ?? (object?)change.Scheme ?? change.Granularity) is not null && !fitting.Exists(site => recipe.Schemes.ContainsKey(site.Role) || options.SpecFor(site, recipe.Schemes) is not null))
            {
                throw new QuantizationException(
                    FormattableString.Invariant($"{nameof(QuantizationOptions.Overrides)}[{i}] says how '{fitting[0].Id}'{(fitting.Count > 1 ? FormattableString.Invariant($" and {fitting.Count - 1} more") : "")} is quantized, and recipe '{recipe.Name}' leaves sites of role {fitting[0].Role} in float. Follow a recipe that quantizes them, or take the override away."));
            }
        }
    }

    /// <summary>A choice for every site. Linear layers that read one LayerNorm's output share a quantizer: its scale moves into all of them or none.</summary>
    /// <param name="create">Makes a quantizer.</param>
    /// <exception cref="QuantizationException">Overrides give layers of one LayerNorm different per-channel quantizers.</exception>
    public Func<Site, IQuantizer?> Choose(Func<Site, QuantizerSpec, IQuantizer> create)
    {
        var shared = new Dictionary<(string Producer, QuantizerSpec Spec), IQuantizer>();
        foreach (var group in graph.Sites.Where(static site => site is { Role: SiteRole.PostLayerNorm, Producer: not null }).GroupBy(static site => site.Producer!, StringComparer.Ordinal))
        {
            var specs = group.Select(site => options.SpecFor(site, recipe.Schemes)).Distinct().ToList();
            if (specs.Count > 1 && specs.Any(static spec => spec?.Granularity is Granularity.PerChannel))
            {
                throw new QuantizationException(
                    $"Sites {string.Join(", ", group.Select(static site => $"'{site.Id}'"))} read one LayerNorm's output, '{group.Key}', and so share a per-channel quantizer; give them the same override.");
            }
        }

        return site =>
        {
            if (options.SpecFor(site, recipe.Schemes) is not { } spec)
            {
                return null;
            }

            if (site is not { Role: SiteRole.PostLayerNorm, Producer: { } producer })
            {
                return create(site, spec);
            }

            if (!shared.TryGetValue((producer, spec), out var quantizer))
            {
                shared[(producer, spec)] = quantizer = create(site, spec);
            }

            return quantizer;
        };
    }
}
