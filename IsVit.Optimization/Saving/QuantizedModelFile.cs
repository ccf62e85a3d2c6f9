using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Model.Saved;
using IsVit.Model.Statistics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Saving;

/// <summary>Quantized modules to <see cref="SavedModelContent"/>, and <see cref="SavedModel"/> to quantized modules.</summary>
internal static class QuantizedModelFile
{
    /// <summary>Saves a model.</summary>
    /// <param name="model">The module.</param>
    /// <param name="bindings">Its quantized sites.</param>
    /// <param name="description">What it is, or null.</param>
    /// <param name="statistics">What its activation quantizers read on the calibration images, or null.</param>
    /// <param name="metadata">Texts to keep beside, or null.</param>
    /// <param name="write">Writes it.</param>
    public static void Save(
        nn.Module model, IReadOnlyList<SiteBinding> bindings, ModelDescription? description, CalibrationStatistics? statistics, IReadOnlyDictionary<string, string>? metadata, Action<SavedModelContent> write)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var quantizers = bindings.Select(static binding => binding.Quantizer).Distinct().ToList();
        var tensors = ModelState.Of(model);
        var codes = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var sites = new List<SavedSite>();
        foreach (var binding in bindings)
        {
            var site = new SavedSite(binding.Site, quantizers.IndexOf(binding.Quantizer));
            if (site.IsWeight)
            {
                tensors.Remove(site.WeightName, out var weight);
                codes[site.WeightName] = Codes(binding, weight!);
                site = site with { Shape = weight!.shape };
            }

            sites.Add(site);
        }

        write(new SavedModelContent
        {
            Sites = sites,
            Quantizers = quantizers.ConvertAll(static quantizer => quantizer.ExportParameters()),
            Codes = codes,
            Parameters = tensors.ToDictionary(static entry => entry.Key, static entry => SafetensorsFile.Data(entry.Key, entry.Value), StringComparer.Ordinal),
            Description = description,
            Statistics = statistics,
            Metadata = metadata,
        });
    }

    /// <summary>Loads a file into a module that it makes by the file's own description, on a device; null for the CPU.</summary>
    public static LoadedModel Open(string path, Device? device, QuantizerRegistry registry)
    {
        using var saved = SavedModel.Open(path);
        var description = saved.Description ?? throw new QuantizationException($"'{path}' does not say what model it is of; give a module of the same architecture to load it into.");
        SavedSizes.Require(saved, description.Architecture);
        var model = description.Architecture.Create();
        try
        {
            if (device is not null)
            {
                model.to(device);
            }

            return Load(saved, ModelForward.Of(model), registry);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Loads a file into a module of the same architecture.</summary>
    public static LoadedModel Load(string path, ModelForward model, QuantizerRegistry registry)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var saved = SavedModel.Open(path);
        return Load(saved, model, registry);
    }

    /// <summary>What a module says of itself.</summary>
    public static ModelDescription? Describe(nn.Module module) => module switch
    {
        VisionTransformer vit => new(vit.Options),
        SwinTransformer swin => new(swin.Options),
        _ => null,
    };

    private static LoadedModel Load(SavedModel saved, ModelForward model, QuantizerRegistry registry)
    {
        QuantizedModelFit.Require(saved, model, registry);
        var graph = ModuleGraph.FromSites(model, [.. saved.Sites.Select(static site => site.Site)]);

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var made = new List<IQuantizer>();
        GraphAttachment? attachment = null;
        try
        {
            for (var i = 0; i < saved.Quantizers.Count; i++)
            {
                made.Add(Make(saved, registry, i));
            }

            // What can fail on a file that fits is done before the model is touched.
            var state = ModelState.Of(model.Module);
            var values = Values(saved, made, state);
            var byId = saved.Sites.ToDictionary(static site => site.Site.Id, static site => site.Quantizer, StringComparer.Ordinal);
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

        var device = model.Module.parameters().Select(static parameter => parameter.device).FirstOrDefault() ?? CPU;
        foreach (var binding in attachment.Bindings)
        {
            binding.Quantizer.MoveTo(device);
            binding.State = binding.IsWeight ? SiteState.Off : SiteState.Quantized;
        }

        return new LoadedModel(attachment, saved.Statistics, saved.Description ?? Describe(model.Module));
    }

    private static byte[] Codes(SiteBinding binding, Tensor weight)
    {
        var codes = binding.Quantizer.Quantize(weight.detach());
        return Decode(binding.Quantizer, codes, weight.dtype).Equals(weight)
            ? PackedCodes.Pack(codes.cpu().contiguous().bytes, binding.Quantizer.Bits)
            : throw new QuantizationException($"The weight of '{binding.Site.Path}' holds numbers that no code of its quantizer stands for: it was changed after it was quantized, or a stage calibrated its quantizer only.");
    }

    // A quantizer decodes to float32; in float64 the numbers behind a code have more digits.
    private static Tensor Decode(IQuantizer quantizer, Tensor codes, ScalarType type)
    {
        var decoded = quantizer.Dequantize(codes);
        return type == decoded.dtype ? decoded : quantizer.FakeQuantize(decoded.to(type));
    }

    private static IQuantizer Make(SavedModel saved, QuantizerRegistry registry, int index)
    {
        var parameters = saved.Quantizers[index];
        var isWeight = saved.Sites.Any(site => site.Quantizer == index && site.IsWeight);
        IQuantizer? quantizer = null;
        try
        {
            quantizer = registry.Create(new QuantizerSpec(parameters.Scheme, parameters.Bits, parameters.Granularity), isWeight);
            quantizer.ImportParameters(parameters);
            return quantizer;
        }
        catch (QuantizationException e)
        {
            quantizer?.Dispose();
            throw new QuantizationException(FormattableString.Invariant($"'{saved.FilePath}': quantizer {index}: {e.Message}"), e);
        }
    }

    private static Dictionary<string, Tensor> Values(SavedModel saved, List<IQuantizer> quantizers, Dictionary<string, Tensor> state)
    {
        var values = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, entry) in saved.Parameters)
        {
            values[name] = WeightFile.Read(saved.File, entry);
        }

        foreach (var site in saved.Sites.Where(static site => site.IsWeight))
        {
            var codes = tensor(saved.ReadCodes(site)).view([.. site.Shape!]);
            values[site.WeightName] = Decode(quantizers[site.Quantizer], codes, state[site.WeightName].dtype);
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
