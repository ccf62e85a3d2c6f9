using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Checkpoints;

/// <summary>Says everything at once that keeps a saved model from being loaded into a module.</summary>
internal static class QuantizedModelFit
{
    public static void Require(
        SafetensorsFile file,
        nn.Module<Tensor, Tensor> model,
        IReadOnlyList<SiteRecord> sites,
        IReadOnlyList<QuantizerRecord> quantizers,
        QuantizerRegistry registry)
    {
        var problems = new List<string>();
        CheckSites(model, sites, quantizers.Count, problems);
        CheckQuantizers(quantizers, registry, problems);
        CheckTensors(file, model, [.. sites.Where(static site => site is { Operand: SiteOperand.Weight, Path: not null }).Select(static site => ModelState.WeightName(site.Path))], problems);
        if (problems.Count > 0)
        {
            throw new QuantizationException($"'{file.FilePath}' does not fit the model: {string.Join("; ", problems)}.");
        }
    }

    private static void CheckSites(nn.Module<Tensor, Tensor> model, IReadOnlyList<SiteRecord> sites, int quantizers, List<string> problems)
    {
        var known = new List<Site>();
        foreach (var record in sites)
        {
            if (record.Path is null)
            {
                problems.Add("a site has no path");
                continue;
            }

            var site = record.ToSite();
            if (known.Exists(other => other.Id == site.Id))
            {
                problems.Add($"site '{site.Id}' is listed twice");
            }

            known.Add(site);
            if (record.Quantizer < 0 || record.Quantizer >= quantizers)
            {
                problems.Add($"site '{site.Id}' has quantizer {record.Quantizer} of {quantizers}");
            }
        }

        var modules = model.named_modules().Select(static entry => entry.name).Append("").ToHashSet(StringComparer.Ordinal);
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

    private static void CheckQuantizers(IReadOnlyList<QuantizerRecord> quantizers, QuantizerRegistry registry, List<string> problems)
    {
        for (var i = 0; i < quantizers.Count; i++)
        {
            var record = quantizers[i];
            if (record.Scheme is null || record.Granularity is null || record.Options is null)
            {
                problems.Add($"quantizer {i} lacks its scheme, granularity or options");
                continue;
            }

            if (!registry.Knows(record.Scheme))
            {
                problems.Add($"quantizer {i} has the scheme '{record.Scheme}'; known are {string.Join(", ", registry.Schemes)}");
            }

            if (record.Bits is < BitWidth.Minimum or > BitWidth.Maximum)
            {
                problems.Add($"quantizer {i} has {record.Bits} bits; expected {BitWidth.Minimum} to {BitWidth.Maximum}");
            }

            try
            {
                Granularity.Parse(record.Granularity);
            }
            catch (FormatException e)
            {
                problems.Add($"quantizer {i}: {e.Message.TrimEnd('.')}");
            }
        }
    }

    private static void CheckTensors(SafetensorsFile file, nn.Module<Tensor, Tensor> model, HashSet<string> coded, List<string> problems)
    {
        var state = ModelState.Of(model);
        foreach (var (name, value) in state)
        {
            var key = coded.Contains(name) ? ModelState.CodesPrefix + name : name;
            if (!file.Tensors.TryGetValue(key, out var info))
            {
                problems.Add($"{key} is missing");
                continue;
            }

            CheckShape(key, info, value.shape, problems);
            if (coded.Contains(name) && info.ScalarType != ScalarType.Byte)
            {
                problems.Add($"{key} is {info.DType}, expected U8");
            }
        }

        var modules = model.named_modules().Append(("", model)).DistinctBy(static entry => entry.Item1).ToDictionary(static entry => entry.Item1, static entry => entry.Item2, StringComparer.Ordinal);
        foreach (var (name, info) in file.Tensors)
        {
            var isCodes = ModelState.IsCodes(name);
            var own = isCodes ? name[ModelState.CodesPrefix.Length..] : name;
            if (ModelState.IsQuantizerVector(name) || (state.ContainsKey(own) && isCodes == coded.Contains(own)))
            {
                continue;
            }

            // Stage 2 gives a layer without a bias one.
            var layer = modules.GetValueOrDefault(ModelState.LayerOf(own));
            if (isCodes || layer is null || !(own == "bias" || own.EndsWith(".bias", StringComparison.Ordinal)) || !(SiteWeights.HasWeight(layer) || layer is LayerNorm))
            {
                problems.Add($"{name} is not in the model");
            }
            else if (layer.named_parameters(recurse: false).FirstOrDefault(static entry => entry.name == "weight").parameter is { } weight)
            {
                CheckShape(name, info, layer is LayerNorm ? weight.shape : [weight.shape[0]], problems);
            }
            else
            {
                problems.Add($"{name} belongs to a layer without a weight");
            }
        }
    }

    private static void CheckShape(string name, WeightTensorInfo info, long[] expected, List<string> problems)
    {
        if (!info.Shape.SequenceEqual(expected))
        {
            problems.Add($"{name} has shape [{string.Join(", ", info.Shape)}], the model's is [{string.Join(", ", expected)}]");
        }
    }
}
