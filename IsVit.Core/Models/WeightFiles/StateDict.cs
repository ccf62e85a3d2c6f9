using IsVit.Model.Files;
using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>Loads and saves the parameters and buffers of a module by their names.</summary>
public static class StateDict
{
    /// <summary>Loads a safetensors file, or a file in TorchSharp's own format. Nothing is changed unless everything fits.</summary>
    /// <param name="module">The module; its types and devices do not change.</param>
    /// <param name="path">The file.</param>
    /// <param name="options">How names are matched, or null for the default: every name on both sides, types converted.</param>
    /// <returns>What was loaded.</returns>
    /// <exception cref="StateDictException">Names are missing or unexpected, or shapes or types differ; the exception holds all of them.</exception>
    /// <exception cref="WeightFileException">The file is corrupt.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static StateDictReport Load(torch.nn.Module module, string path, StateDictLoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var file = WeightFile.Open(path);
        return Load(module, file, options);
    }

    /// <summary>Loads from an open file. Nothing is changed unless everything fits.</summary>
    /// <param name="module">The module; its types and devices do not change.</param>
    /// <param name="file">The file.</param>
    /// <param name="options">How names are matched, or null for the default.</param>
    /// <returns>What was loaded.</returns>
    /// <exception cref="StateDictException">Names are missing or unexpected, or shapes or types differ; the exception holds all of them.</exception>
    /// <exception cref="WeightFileException">A tensor to be loaded has a type that TorchSharp does not support, or is corrupt.</exception>
    public static StateDictReport Load(torch.nn.Module module, WeightFile file, StateDictLoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(file);
        var plan = Plan(module, file, options);
        foreach (var copy in plan.Copies)
        {
            file.RequireReadable(copy.Source);
        }

        plan.Do(module, file.Read, file.ReadInto);
        return plan.Report;
    }

    /// <summary>Loads from tensors by name. Nothing is changed unless everything fits.</summary>
    /// <param name="module">The module; its types and devices do not change.</param>
    /// <param name="tensors">The tensors, on any device; not changed.</param>
    /// <param name="options">How names are matched, or null for the default.</param>
    /// <returns>What was loaded.</returns>
    /// <exception cref="StateDictException">Names are missing or unexpected, or shapes or types differ; the exception holds all of them.</exception>
    public static StateDictReport Load(
        torch.nn.Module module,
        IReadOnlyDictionary<string, torch.Tensor> tensors,
        StateDictLoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(tensors);
        var plan = StateDictPlan.Make(
            "The state dict",
            module,
            tensors.Select(static t => new StateDictSource(t.Key, t.Value.dtype, StateDictMatch.TypeName(t.Value.dtype), t.Value.shape)),
            options ?? StateDictLoadOptions.Default);
        plan.Do(module, name => tensors[name].alias(), (name, destination) => destination.copy_(tensors[name]));
        return plan.Report;
    }

    /// <summary>What of a file does not fit a module; null if it would be loaded.</summary>
    internal static StateDictException? Check(torch.nn.Module module, WeightFile file, StateDictLoadOptions options)
    {
        try
        {
            _ = Plan(module, file, options);
            return null;
        }
        catch (StateDictException error)
        {
            return error;
        }
    }

    // What would be loaded from where.
    private static StateDictPlan Plan(torch.nn.Module module, WeightFile file, StateDictLoadOptions? options) => StateDictPlan.Make(
        file.FilePath,
        module,
        file.Tensors.Values.Select(static t => new StateDictSource(t.Name, TorchElementTypes.Find(t.ElementType), t.ElementType, t.Shape)),
        options ?? StateDictLoadOptions.Default);

    /// <summary>Saves a module's parameters and buffers as a safetensors file, in their types, under their names.</summary>
    /// <param name="module">The module, on any device.</param>
    /// <param name="path">The file; replaced, as a whole, if it exists.</param>
    /// <param name="metadata">Additional texts to store with the tensors.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(torch.nn.Module module, string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        SafetensorsFile.Write(path, module.state_dict(), metadata);
    }
}
