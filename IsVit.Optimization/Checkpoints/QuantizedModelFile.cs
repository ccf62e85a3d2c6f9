using System.Globalization;
using System.Text.Json;
using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Checkpoints;

/// <summary>A quantized model as one safetensors file.</summary>
/// <remarks>
/// Tensors: every parameter and buffer under its own name, quantized weights under <c>codes/NAME</c> as uint8; each quantizer's vectors under
/// <c>quantizers/N/VECTOR</c> as float64. The metadata's <c>isvit.sites</c> lists the sites, each with the number of its quantizer.
/// </remarks>
internal static class QuantizedModelFile
{
    private const string FormatKey = "isvit.format";
    private const string Format = "quantized-model/1";
    private const string SitesKey = "isvit.sites";
    private const string QuantizersKey = "isvit.quantizers";

    public static void Save(QuantizedModel quantized, string path, IReadOnlyDictionary<string, string>? metadata)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var attachment = quantized.Attachment;
        var quantizers = attachment.Bindings.Select(static binding => binding.Quantizer).Where(static quantizer => quantizer.IsCalibrated).Distinct().ToList();
        var tensors = StateOf(quantized.Model);
        var sites = new List<SiteRecord>();
        foreach (var binding in attachment.Bindings.Where(static binding => binding.Quantizer.IsCalibrated))
        {
            var site = binding.Site;
            sites.Add(new SiteRecord(site.Path, site.Operand, site.Role, site.Producer, quantizers.IndexOf(binding.Quantizer)));
            if (binding.IsWeight)
            {
                var name = WeightName(site);
                tensors.Remove(name, out var weight);
                tensors[$"codes/{name}"] = binding.Quantizer.Quantize(weight!.detach());
            }
        }

        var records = new List<QuantizerRecord>();
        for (var i = 0; i < quantizers.Count; i++)
        {
            var parameters = quantizers[i].ExportParameters();
            records.Add(new QuantizerRecord(parameters.Scheme, parameters.Bits.Bits, parameters.Granularity.ToString()!, new(parameters.Options, StringComparer.Ordinal)));
            foreach (var (name, values) in parameters.Values)
            {
                tensors[Key(i, name)] = tensor(values.ToArray());
            }
        }

        var texts = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>(), StringComparer.Ordinal)
        {
            [FormatKey] = Format,
            [SitesKey] = JsonSerializer.Serialize(sites),
            [QuantizersKey] = JsonSerializer.Serialize(records),
        };
        SafetensorsWriter.Write(path, tensors, texts);
    }

    public static QuantizedModel Load(string path, nn.Module<Tensor, Tensor> model, QuantizerRegistry registry)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault(FormatKey) is not Format and var format)
        {
            throw new QuantizationException($"'{path}' is no quantized model that this version reads: its {FormatKey} is {(format is null ? "absent" : $"'{format}'")}, expected '{Format}'.");
        }

        var sites = Parse<List<SiteRecord>>(path, file, SitesKey);
        var quantizers = Parse<List<QuantizerRecord>>(path, file, QuantizersKey);
        RequireFit(path, file, model, sites);
        var graph = ModuleGraph.FromSites(model, [.. sites.Select(static site => site.ToSite())]);

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var made = new List<IQuantizer>();
        GraphAttachment? attachment = null;
        try
        {
            for (var i = 0; i < quantizers.Count; i++)
            {
                var isWeight = sites.Exists(site => site.Quantizer == i && site.Operand == SiteOperand.Weight);
                made.Add(Make(file, registry, quantizers[i], i, isWeight));
            }

            // What can fail on a file that fits is done before the model is touched.
            var values = Values(file, sites, made);
            var byId = sites.ToDictionary(static site => site.ToSite().Id, static site => site.Quantizer, StringComparer.Ordinal);
            attachment = GraphAttachment.Attach(graph, site => made[byId[site.Id]]);
            AddBiases(model, values);
            var state = StateOf(model);
            foreach (var (name, value) in values)
            {
                state[name].copy_(value);
            }
        }
        catch
        {
            attachment?.Dispose();
            made.ForEach(static quantizer => quantizer.Dispose());
            throw;
        }

        var device = model.parameters().Select(static parameter => parameter.device).FirstOrDefault() ?? CPU;
        foreach (var binding in attachment.Bindings)
        {
            binding.Quantizer.MoveTo(device);
            binding.State = binding.IsWeight ? SiteState.Off : SiteState.Quantized;
        }

        return new QuantizedModel(attachment, null);
    }

    private static string WeightName(Site site) => site.Path.Length == 0 ? "weight" : $"{site.Path}.weight";

    private static string Key(int quantizer, string vector) => string.Create(CultureInfo.InvariantCulture, $"quantizers/{quantizer}/{vector}");

    private static Dictionary<string, Tensor> StateOf(nn.Module model)
    {
        var state = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, parameter) in model.named_parameters())
        {
            state[name] = parameter;
        }

        foreach (var (name, buffer) in model.named_buffers(include_nonpersistent: false))
        {
            state[name] = buffer;
        }

        return state;
    }

    private static T Parse<T>(string path, SafetensorsFile file, string key)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(file.Metadata.GetValueOrDefault(key) ?? "null")
                ?? throw new QuantizationException($"'{path}' lacks the metadata '{key}'.");
        }
        catch (JsonException e)
        {
            throw new QuantizationException($"'{path}': the metadata '{key}' is broken: {e.Message}", e);
        }
    }

    // Everything that does not fit is told at once.
    private static void RequireFit(string path, SafetensorsFile file, nn.Module<Tensor, Tensor> model, List<SiteRecord> sites)
    {
        var problems = new List<string>();
        var modules = model.named_modules().ToDictionary(static entry => entry.name, static entry => entry.module, StringComparer.Ordinal);
        modules[""] = model;
        var state = StateOf(model);
        var stored = file.Tensors.Keys.Where(static name => !name.StartsWith("quantizers/", StringComparison.Ordinal))
            .ToDictionary(static name => name.StartsWith("codes/", StringComparison.Ordinal) ? name[6..] : name, name => file.Tensors[name], StringComparer.Ordinal);
        foreach (var (name, value) in state)
        {
            if (!stored.TryGetValue(name, out var info))
            {
                problems.Add($"{name} is missing");
            }
            else if (!info.Shape.SequenceEqual(value.shape))
            {
                problems.Add($"{name} has shape [{string.Join(", ", info.Shape)}], the model's is [{string.Join(", ", value.shape)}]");
            }
        }

        foreach (var name in stored.Keys.Where(name => !state.ContainsKey(name)))
        {
            // Stage 2 gives a layer without a bias one.
            var layer = name.EndsWith(".bias", StringComparison.Ordinal) ? modules.GetValueOrDefault(name[..^5]) : null;
            if (layer is null || !(SiteWeights.HasWeight(layer) || layer is LayerNorm))
            {
                problems.Add($"{name} is not in the model");
            }
        }

        problems.AddRange(sites.Where(site => !modules.ContainsKey(site.Path)).Select(static site => $"site '{site.ToSite().Id}' has no module"));
        if (problems.Count > 0)
        {
            throw new QuantizationException($"'{path}' does not fit the model: {string.Join("; ", problems)}.");
        }
    }

    private static IQuantizer Make(SafetensorsFile file, QuantizerRegistry registry, QuantizerRecord record, int index, bool isWeight)
    {
        Granularity granularity;
        try
        {
            granularity = Granularity.Parse(record.Granularity);
        }
        catch (FormatException e)
        {
            throw new QuantizationException($"'{file.FilePath}': quantizer {index}: {e.Message}", e);
        }

        if (record.Bits is < BitWidth.Minimum or > BitWidth.Maximum)
        {
            throw new QuantizationException($"'{file.FilePath}': quantizer {index} has {record.Bits} bits; expected {BitWidth.Minimum} to {BitWidth.Maximum}.");
        }

        var prefix = Key(index, "");
        var values = new Dictionary<string, IReadOnlyList<double>>(StringComparer.Ordinal);
        foreach (var name in file.Tensors.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            using var vector = file.Read(name);
            using var doubles = vector.to(float64);
            values[name[prefix.Length..]] = doubles.data<double>().ToArray();
        }

        var quantizer = registry.Create(new QuantizerSpec(record.Scheme, record.Bits, granularity), isWeight);
        try
        {
            quantizer.ImportParameters(new QuantizationParameters(record.Scheme, record.Bits, granularity, values, record.Options));
            return quantizer;
        }
        catch
        {
            quantizer.Dispose();
            throw;
        }
    }

    private static Dictionary<string, Tensor> Values(SafetensorsFile file, List<SiteRecord> sites, List<IQuantizer> quantizers)
    {
        var values = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var name in file.Tensors.Keys.Where(static name => !name.StartsWith("quantizers/", StringComparison.Ordinal) && !name.StartsWith("codes/", StringComparison.Ordinal)))
        {
            values[name] = file.Read(name);
        }

        foreach (var site in sites.Where(static site => site.Operand == SiteOperand.Weight))
        {
            var name = WeightName(site.ToSite());
            values[name] = quantizers[site.Quantizer].Dequantize(file.Read($"codes/{name}"));
        }

        return values;
    }

    private static void AddBiases(nn.Module model, Dictionary<string, Tensor> values)
    {
        var state = StateOf(model);
        var modules = model.named_modules().ToDictionary(static entry => entry.name, static entry => entry.module, StringComparer.Ordinal);
        foreach (var (name, value) in values.Where(entry => !state.ContainsKey(entry.Key)))
        {
            var bias = new Parameter(value.clone());
            if (modules[name[..^5]] is LayerNorm norm)
            {
                norm.bias = bias;
            }
            else
            {
                SiteWeights.SetBias(modules[name[..^5]], bias);
            }
        }
    }

    private sealed record SiteRecord(string Path, SiteOperand Operand, SiteRole Role, string? Producer, int Quantizer)
    {
        public Site ToSite() => new(Path, Operand, Role, Producer);
    }

    private sealed record QuantizerRecord(string Scheme, int Bits, string Granularity, Dictionary<string, string> Options);
}
