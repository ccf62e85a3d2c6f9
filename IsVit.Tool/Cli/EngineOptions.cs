using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using IsVit.Optimization.Options;
using TorchSharp;

namespace IsVit.Tool.Cli;

/// <summary>Options that say where and in what a model is computed.</summary>
internal static class EngineOptions
{
    private static readonly Dictionary<string, ActivationStorage> s_storages = new(StringComparer.Ordinal)
    {
        ["auto"] = ActivationStorage.Automatic,
        ["memory"] = ActivationStorage.Memory,
        ["bfloat16"] = ActivationStorage.BFloat16,
        ["disk"] = ActivationStorage.Disk,
    };

    private static readonly Dictionary<string, MatrixPrecision> s_precisions = new(StringComparer.Ordinal)
    {
        ["auto"] = MatrixPrecision.Automatic,
        ["full"] = MatrixPrecision.Full,
        ["tf32"] = MatrixPrecision.TensorFloat32,
        ["bfloat16"] = MatrixPrecision.BFloat16,
    };

    private static readonly Dictionary<string, SparsityHandling> s_sparsities = new(StringComparer.Ordinal)
    {
        ["warn"] = SparsityHandling.Warn,
        ["keep"] = SparsityHandling.Keep,
    };

    /// <summary>What becomes of the zeros of pruned layers.</summary>
    public static Option<Named<SparsityHandling>> Sparsity() => OneOf("--sparsity", "Whether weights of pruned layers that are 0 stay 0 (keep), or it is only said that they may not (warn)", s_sparsities);

    /// <summary>The device that the model and the images are on.</summary>
    public static Option<torch.Device> Device() => new("--device")
    {
        Description = "Where the model runs: cpu, cuda, or cuda:1 for the second GPU (this program's own libtorch has the CPU only)",
        HelpName = "DEVICE",
        DefaultValueFactory = _ => torch.CPU,
        CustomParser = ParseDevice,
    };

    /// <summary>Where activations are kept.</summary>
    public static Option<Named<ActivationStorage>> Cache() => OneOf("--cache", "Where a unit's inputs and targets are kept while it is reconstructed; with bfloat16 and disk, freed memory goes back to the system as well", s_storages);

    /// <summary>Whether a command's arguments ask for a cache that is for where memory is short. What malloc keeps is set before libtorch starts, and so before the command itself is read.</summary>
    /// <param name="args">The arguments after the program's name.</param>
    public static bool AsksToSaveMemory(string[] args)
    {
        var cache = Cache();
        var config = new ConfigOption();
        var parsed = new RootCommand { Options = { cache, config }, TreatUnmatchedTokensAsErrors = false }.Parse(args);
        if (parsed.Errors.Count == 0 && parsed.GetResult(cache) is null or { Implicit: true } && parsed.GetValue(config) is { } file && ConfigArguments.Peek(file, cache) is { } text)
        {
            parsed = new RootCommand { Options = { cache } }.Parse([cache.Name, text]);
        }

        return parsed.Errors.Count == 0 && parsed.GetValue(cache).Value is ActivationStorage.BFloat16 or ActivationStorage.Disk;
    }

    /// <summary>The folder for activations on disk.</summary>
    public static Option<string?> CacheFolder() => PathOptions.Optional("--cache-folder", "DIR", "The folder for what is kept on disk, instead of the system's for temporary files");

    /// <summary>The type of the matrix products of training.</summary>
    public static Option<Named<MatrixPrecision>> Precision() => OneOf("--precision", "What matrix products are computed in while weights are trained", s_precisions);

    /// <summary>One of several names.</summary>
    /// <param name="name">The option, with its dashes.</param>
    /// <param name="description">What it does; the names come behind it.</param>
    /// <param name="values">What the names stand for.</param>
    /// <param name="defaultValue">When it is not given.</param>
    public static Option<Named<T>> OneOf<T>(string name, string description, Dictionary<string, T> values, T defaultValue = default)
        where T : struct, Enum => new(name)
        {
            Description = $"{description}: {string.Join(", ", values.Keys)}",
            HelpName = "NAME",
            DefaultValueFactory = _ => new(values.Single(entry => EqualityComparer<T>.Default.Equals(entry.Value, defaultValue)).Key, defaultValue),
            CustomParser = result =>
            {
                var text = ArgumentText.Of(result);
                if (!values.TryGetValue(text, out var value))
                {
                    // As the library's configurations have it.
                    if (values.FirstOrDefault(entry => text.Equals(entry.Value.ToString(), StringComparison.OrdinalIgnoreCase)) is { Key: { } known } found)
                    {
                        return new(known, found.Value);
                    }

                    result.AddError($"{name} is '{text}'; allowed is one of {string.Join(", ", values.Keys)}.");
                }

                return new(text, value);
            },
        };

    private static torch.Device? ParseDevice(ArgumentResult result)
    {
        const string Cuda = "cuda";
        var text = ArgumentText.Of(result);
        if (text == "cpu")
        {
            return torch.CPU;
        }

        var index = 0;
        if (text != Cuda && !(text.StartsWith(Cuda + ":", StringComparison.Ordinal) && int.TryParse(text.AsSpan(Cuda.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out index)))
        {
            result.AddError($"--device is '{text}'; allowed is cpu, cuda or cuda:N.");
            return null;
        }

        var count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        if (index >= count)
        {
            result.AddError($"--device is '{text}', but libtorch sees {(count == 0 ? "no CUDA device" : $"{count} CUDA devices, numbered from 0")}.");
            return null;
        }

        return new torch.Device(DeviceType.CUDA, index);
    }
}
