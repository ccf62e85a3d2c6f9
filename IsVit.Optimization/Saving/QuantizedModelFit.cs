using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Model.Saved;
using TorchSharp.Modules;

namespace IsVit.Optimization.Saving;

/// <summary>Says everything at once that keeps a saved model from being loaded into a module.</summary>
internal static class QuantizedModelFit
{
    public static void Require(SavedModel saved, ModelForward model, QuantizerRegistry registry)
    {
        var problems = new List<string>();
        CheckSites(saved, model, problems);
        CheckSchemes(saved, registry, problems);
        CheckTensors(saved, model, problems);
        if (problems.Count > 0)
        {
            throw new QuantizationException($"'{saved.FilePath}' does not fit the model: {string.Join("; ", problems)}.");
        }
    }

    private static void CheckSites(SavedModel saved, ModelForward model, List<string> problems)
    {
        var known = saved.Sites.Select(static site => site.Site).ToList();
        var modules = model.Module.named_modules().Select(static entry => entry.name).Append("").ToHashSet(StringComparer.Ordinal);
        var absent = known.Where(site => !modules.Contains(site.Path)).ToList();
        problems.AddRange(absent.Select(static site => $"site '{site.Id}' has no module"));
        try
        {
            ModuleGraph.FromSites(model, [.. known.Except(absent)]);
        }
        catch (QuantizationException e)
        {
            problems.Add(e.Message.TrimEnd('.'));
        }
    }

    private static void CheckSchemes(SavedModel saved, QuantizerRegistry registry, List<string> problems)
    {
        for (var i = 0; i < saved.Quantizers.Count; i++)
        {
            if (!registry.Knows(saved.Quantizers[i].Scheme))
            {
                problems.Add(FormattableString.Invariant($"quantizer {i} has the scheme '{saved.Quantizers[i].Scheme}'; known are {string.Join(", ", registry.Schemes)}"));
            }
        }
    }

    private static void CheckTensors(SavedModel saved, ModelForward model, List<string> problems)
    {
        var state = ModelState.Of(model.Module);
        var weights = saved.Sites.Where(static site => site.IsWeight).ToDictionary(static site => site.WeightName, StringComparer.Ordinal);
        foreach (var (name, value) in state)
        {
            if (weights.TryGetValue(name, out var weight))
            {
                CheckShape(SavedNames.Codes(name), weight.Shape!, value.shape, problems);
            }
            else if (saved.Parameters.TryGetValue(name, out var entry))
            {
                CheckShape(name, entry.Shape, value.shape, problems);
            }
            else
            {
                problems.Add($"{name} is missing");
            }
        }

        problems.AddRange(weights.Keys.Where(name => !state.ContainsKey(name)).Select(static name => $"{SavedNames.Codes(name)} is not in the model"));
        var modules = model.Module.named_modules().Append(("", model.Module)).DistinctBy(static entry => entry.Item1).ToDictionary(static entry => entry.Item1, static entry => entry.Item2, StringComparer.Ordinal);
        foreach (var (name, entry) in saved.Parameters.Where(entry => !state.ContainsKey(entry.Key) || weights.ContainsKey(entry.Key)))
        {
            // Stage 2 gives a layer without a bias one.
            var layer = modules.GetValueOrDefault(ModelState.LayerOf(name));
            if (layer is null || !(name == "bias" || name.EndsWith(".bias", StringComparison.Ordinal)) || !(SiteWeights.HasWeight(layer) || layer is LayerNorm))
            {
                problems.Add($"{name} is not in the model");
            }
            else if (layer.named_parameters(recurse: false).FirstOrDefault(static entry => entry.name == "weight").parameter is { } weight)
            {
                CheckShape(name, entry.Shape, layer is LayerNorm ? weight.shape : [weight.shape[0]], problems);
            }
            else
            {
                problems.Add($"{name} belongs to a layer without a weight");
            }
        }
    }

    private static void CheckShape(string name, IReadOnlyList<long> found, long[] expected, List<string> problems)
    {
        if (!found.SequenceEqual(expected))
        {
            problems.Add($"{name} has shape [{string.Join(", ", found)}], the model's is [{string.Join(", ", expected)}]");
        }
    }
}
