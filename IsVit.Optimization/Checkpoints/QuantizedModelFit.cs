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
        CheckTensors(file, model, Coded(sites, quantizers), problems);
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

    // Quantized weights by name, each with its shape in the file and the bits of its codes.
    private static Dictionary<string, (IReadOnlyList<long>? Shape, int Bits)> Coded(IReadOnlyList<SiteRecord> sites, IReadOnlyList<QuantizerRecord> quantizers)
    {
        var coded = new Dictionary<string, (IReadOnlyList<long>? Shape, int Bits)>(StringComparer.Ordinal);
        foreach (var site in sites.Where(static site => site is { Operand: SiteOperand.Weight, Path: not null }))
        {
            coded[ModelState.WeightName(site.Path)] = (site.Shape, quantizers.ElementAtOrDefault(site.Quantizer)?.Bits ?? 0);
        }

        return coded;
    }

    private static void CheckTensors(SafetensorsFile file, nn.Module<Tensor, Tensor> model, Dictionary<string, (IReadOnlyList<long>? Shape, int Bits)> coded, List<string> problems)
    {
        var state = ModelState.Of(model);
        foreach (var (name, value) in state)
        {
            var isCoded = coded.TryGetValue(name, out var codes);
            var key = isCoded ? ModelState.CodesPrefix + name : name;
            if (!file.Tensors.TryGetValue(key, out var info))
            {
                problems.Add($"{key} is missing");
            }
            else if (isCoded)
            {
                CheckCodes(key, info, codes, value.shape, problems);
            }
            else
            {
                CheckShape(key, info.Shape, value.shape, problems);
            }
        }

        var modules = model.named_modules().Append(("", model)).DistinctBy(static entry => entry.Item1).ToDictionary(static entry => entry.Item1, static entry => entry.Item2, StringComparer.Ordinal);
        foreach (var (name, info) in file.Tensors)
        {
            var isCodes = ModelState.IsCodes(name);
            var own = isCodes ? name[ModelState.CodesPrefix.Length..] : name;
            if (ModelState.IsBeside(name) || (state.ContainsKey(own) && isCodes == coded.ContainsKey(own)))
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
                CheckShape(name, info.Shape, layer is LayerNorm ? weight.shape : [weight.shape[0]], problems);
            }
            else
            {
                problems.Add($"{name} belongs to a layer without a weight");
            }
        }
    }

    private static void CheckCodes(string name, WeightTensorInfo info, (IReadOnlyList<long>? Shape, int Bits) codes, long[] expected, List<string> problems)
    {
        CheckShape(name, codes.Shape ?? [], expected, problems);
        if (codes.Bits is < BitWidth.Minimum or > BitWidth.Maximum)
        {
            // Told of the quantizer.
            return;
        }

        var bytes = PackedCodes.ByteCount(expected.Aggregate(1L, static (product, length) => product * length), codes.Bits);
        if (info.ScalarType != ScalarType.Byte || !info.Shape.SequenceEqual([bytes]))
        {
            problems.Add($"{name} is {info.DType} [{string.Join(", ", info.Shape)}], expected U8 [{bytes}] for codes of {codes.Bits} bits");
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
