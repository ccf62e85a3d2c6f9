using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Checkpoints;

/// <summary>A quantized model as one safetensors file.</summary>
/// <remarks>
/// Tensors: every parameter and buffer under its own name, quantized weights under <c>codes/NAME</c> as <see cref="PackedCodes"/>; quantizers' vectors of more than one
/// entry under <c>quantizers/N/VECTOR</c> in the narrowest type that holds them. The metadata's <c>isvit.sites</c> lists the sites, each with the number of its quantizer, <c>isvit.quantizers</c> the
/// quantizers. <see cref="StatisticsTensors"/> are beside them. Everything is under checksums.
/// </remarks>
internal static class QuantizedModelFile
{
    private const string FormatKey = "isvit.format";
    private const string FormatName = "quantized-model/";
    private const int Version = 2;
    private const string SitesKey = "isvit.sites";
    private const string QuantizersKey = "isvit.quantizers";
    private static readonly JsonSerializerOptions s_json = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = { new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false) } };

    public static void Save(QuantizedModel quantized, string path, IReadOnlyDictionary<string, string>? metadata)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        Write(quantized, metadata, (tensors, texts) => SafetensorsWriter.Write(path, tensors, texts, withChecksums: true));
    }

    public static void Save(QuantizedModel quantized, Stream stream, IReadOnlyDictionary<string, string>? metadata)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Write(quantized, metadata, (tensors, texts) => SafetensorsWriter.Write(stream, tensors, texts, withChecksums: true));
    }

    private static void Write(QuantizedModel quantized, IReadOnlyDictionary<string, string>? metadata, Action<Dictionary<string, Tensor>, Dictionary<string, string>> write)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var bindings = quantized.QuantizedSites.ToList();
        var quantizers = bindings.Select(static binding => binding.Quantizer).Distinct().ToList();
        var tensors = ModelState.Of(quantized.Model);
        var sites = new List<SiteRecord>();
        foreach (var binding in bindings)
        {
            var site = binding.Site;
            var record = new SiteRecord(site.Path, site.Operand, site.Role, site.Producer, quantizers.IndexOf(binding.Quantizer));
            if (binding.IsWeight)
            {
                var name = ModelState.WeightName(site.Path);
                tensors.Remove(name, out var weight);
                tensors[ModelState.CodesPrefix + name] = Codes(binding, weight!);
                record = record with { Shape = weight!.shape };
            }

            sites.Add(record);
        }

        var records = new List<QuantizerRecord>();
        for (var i = 0; i < quantizers.Count; i++)
        {
            var parameters = quantizers[i].ExportParameters();
            records.Add(new QuantizerRecord(
                parameters.Scheme,
                parameters.Bits.Bits,
                parameters.Granularity.ToString()!,
                new(parameters.Options, StringComparer.Ordinal),
                parameters.Values.Where(static entry => entry.Value.Count == 1).ToDictionary(static entry => entry.Key, static entry => entry.Value[0], StringComparer.Ordinal)));
            foreach (var (name, values) in parameters.Values.Where(static entry => entry.Value.Count != 1))
            {
                tensors[ModelState.QuantizerKey(i, name)] = Narrow(values.ToArray());
            }
        }

        var texts = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>(), StringComparer.Ordinal)
        {
            [FormatKey] = string.Create(CultureInfo.InvariantCulture, $"{FormatName}{Version}"),
            [SitesKey] = JsonSerializer.Serialize(sites, s_json),
            [QuantizersKey] = JsonSerializer.Serialize(records, s_json),
        };
        StatisticsTensors.Write(quantized.CalibrationStatistics, sites, tensors, texts);
        write(tensors, texts);
    }

    public static QuantizedModel Load(string path, nn.Module<Tensor, Tensor> model, QuantizerRegistry registry)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var file = SafetensorsFile.Open(path);
        RequireVersion(file);
        file.VerifyChecksums();
        var sites = Parse<SiteRecord>(file, SitesKey);
        var quantizers = Parse<QuantizerRecord>(file, QuantizersKey);
        QuantizedModelFit.Require(file, model, sites, quantizers, registry);
        var statistics = StatisticsTensors.Read(file, sites, quantizers);
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
            var state = ModelState.Of(model);
            var values = Values(file, sites, made, state);
            var byId = sites.ToDictionary(static site => site.ToSite().Id, static site => site.Quantizer, StringComparer.Ordinal);
            attachment = GraphAttachment.Attach(graph, site => made[byId[site.Id]]);
            foreach (var (name, value) in values)
            {
                if (state.TryGetValue(name, out var own))
                {
                    own.copy_(value);
                }
                else
                {
                    AddBias(graph, name, value);
                }
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

        return new QuantizedModel(attachment, null, statistics);
    }

    public static QuantizedModelInfo Describe(string path)
    {
        using var file = SafetensorsFile.Open(path);
        RequireVersion(file);
        file.VerifyChecksums();
        var quantizers = Parse<QuantizerRecord>(file, QuantizersKey);
        var sites = new List<QuantizedSiteInfo>();
        var records = Parse<SiteRecord>(file, SitesKey);
        foreach (var record in records)
        {
            if (record.Path is null
                || quantizers.ElementAtOrDefault(record.Quantizer) is not { Scheme: not null, Bits: >= BitWidth.Minimum and <= BitWidth.Maximum } quantizer
                || !Granularity.TryParse(quantizer.Granularity, out var granularity))
            {
                throw new QuantizationException($"'{path}': the site '{record.Path}' has no quantizer that makes sense.");
            }

            var codes = record.Operand == SiteOperand.Weight ? file.Tensors.GetValueOrDefault(ModelState.CodesPrefix + ModelState.WeightName(record.Path)) : null;
            sites.Add(new QuantizedSiteInfo(record.ToSite(), quantizer.Scheme, quantizer.Bits, granularity, record.Shape, codes?.ByteCount ?? 0));
        }

        return new QuantizedModelInfo(
            sites,
            file.Metadata.Where(static entry => entry.Key is not (FormatKey or SitesKey or QuantizersKey or StatisticsTensors.ImagesKey)).ToDictionary(StringComparer.Ordinal),
            new FileInfo(path).Length,
            file.Tensors.Values.Where(static tensor => ModelState.IsPlain(tensor.Name)).Sum(static tensor => tensor.ByteCount))
        {
            CalibrationStatistics = StatisticsTensors.Read(file, records, quantizers),
        };
    }

    private static void RequireVersion(SafetensorsFile file)
    {
        var format = file.Metadata.GetValueOrDefault(FormatKey);
        if (format?.StartsWith(FormatName, StringComparison.Ordinal) != true || !int.TryParse(format.AsSpan(FormatName.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var version))
        {
            throw new QuantizationException($"'{file.FilePath}' is no quantized model: its {FormatKey} is {(format is null ? "absent" : $"'{format}'")}, expected '{FormatName}{Version}'.");
        }

        if (version != Version)
        {
            throw new QuantizationException($"'{file.FilePath}' is a quantized model of version {version}; this library reads version {Version}. {(version > Version ? "Read it with the newer library that wrote it, or one that is newer still" : "Quantize the model anew")}.");
        }
    }

    // In the narrowest type that holds every entry.
    private static Tensor Narrow(double[] values) =>
        Array.TrueForAll(values, static value => value is >= byte.MinValue and <= byte.MaxValue && value == Math.Truncate(value) && !double.IsNegative(value)) ? tensor(Array.ConvertAll(values, static value => (byte)value))
        : Array.TrueForAll(values, static value => (float)value == value) ? tensor(Array.ConvertAll(values, static value => (float)value))
        : tensor(values);

    private static Tensor Codes(SiteBinding binding, Tensor weight)
    {
        var codes = binding.Quantizer.Quantize(weight.detach());
        return Decode(binding.Quantizer, codes, weight.dtype).Equals(weight)
            ? tensor(PackedCodes.Pack(codes.cpu().contiguous().bytes, binding.Quantizer.Bits))
            : throw new QuantizationException($"The weight of '{binding.Site.Path}' holds numbers that no code of its quantizer stands for: it was changed after it was quantized, or a stage calibrated its quantizer only.");
    }

    // A quantizer decodes to float32; in float64 the numbers behind a code have more digits.
    private static Tensor Decode(IQuantizer quantizer, Tensor codes, ScalarType type)
    {
        var decoded = quantizer.Dequantize(codes);
        return type == decoded.dtype ? decoded : quantizer.FakeQuantize(decoded.to(type));
    }

    private static List<T> Parse<T>(SafetensorsFile file, string key)
        where T : class
    {
        try
        {
            var records = JsonSerializer.Deserialize<List<T>>(file.Metadata.GetValueOrDefault(key) ?? "null", s_json);
            return records is not null && records.TrueForAll(static record => record is not null)
                ? records
                : throw new QuantizationException($"'{file.FilePath}' lacks the metadata '{key}', or entries of it.");
        }
        catch (JsonException e)
        {
            throw new QuantizationException($"'{file.FilePath}': the metadata '{key}' is broken: {e.Message}", e);
        }
    }

    private static IQuantizer Make(SafetensorsFile file, QuantizerRegistry registry, QuantizerRecord record, int index, bool isWeight)
    {
        var prefix = ModelState.QuantizerKey(index, "");
        var values = (record.Values ?? []).ToDictionary(static entry => entry.Key, static entry => (IReadOnlyList<double>)[entry.Value], StringComparer.Ordinal);
        foreach (var name in file.Tensors.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            values[name[prefix.Length..]] = file.Read(name).to(float64).data<double>().ToArray();
        }

        var granularity = Granularity.Parse(record.Granularity);
        IQuantizer? quantizer = null;
        try
        {
            quantizer = registry.Create(new QuantizerSpec(record.Scheme, record.Bits, granularity), isWeight);
            quantizer.ImportParameters(new QuantizationParameters(record.Scheme, record.Bits, granularity, values, record.Options));
            return quantizer;
        }
        catch (QuantizationException e)
        {
            quantizer?.Dispose();
            throw new QuantizationException($"'{file.FilePath}': quantizer {index}: {e.Message}", e);
        }
    }

    private static Dictionary<string, Tensor> Values(SafetensorsFile file, List<SiteRecord> sites, List<IQuantizer> quantizers, Dictionary<string, Tensor> state)
    {
        var values = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var name in file.Tensors.Keys.Where(ModelState.IsPlain))
        {
            values[name] = file.Read(name);
        }

        foreach (var site in sites.Where(static site => site.Operand == SiteOperand.Weight))
        {
            var name = ModelState.WeightName(site.Path);
            var quantizer = quantizers[site.Quantizer];
            var codes = empty([.. site.Shape!], ScalarType.Byte);
            using var packed = file.Read(ModelState.CodesPrefix + name);
            try
            {
                PackedCodes.Unpack(packed.bytes, quantizer.Bits, codes.bytes);
            }
            catch (QuantizationException e)
            {
                throw new QuantizationException($"'{file.FilePath}': '{name}': {e.Message}.", e);
            }

            values[name] = Decode(quantizer, codes, state[name].dtype);
        }

        return values;
    }

    // Stage 2 gave a layer without a bias one.
    private static void AddBias(ModuleGraph graph, string name, Tensor value)
    {
        var layer = graph.Modules[ModelState.LayerOf(name)];
        var weight = layer.named_parameters(recurse: false).First(static entry => entry.name == "weight").parameter;
        SiteWeights.SetBias(layer, new Parameter(value.to(weight.dtype).to(weight.device).clone(), weight.requires_grad));
    }
}
