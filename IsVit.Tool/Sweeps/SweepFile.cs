using System.Globalization;
using IsVit.Model.Quantization;
using IsVit.Tool.RunFiles;
using Microsoft.Extensions.Configuration;

namespace IsVit.Tool.Sweeps;

/// <summary>Reads the file of a sweep.</summary>
internal static class SweepFile
{
    private const string Name = "name";
    private const int MostThreads = 4096;
    private const int MostShares = 1000;
    private static readonly string[] s_lists = ["models", "bits", "methods", "seeds", "overrides"];

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file, YAML or JSON.</param>
    /// <exception cref="ToolException">It cannot be read, or holds what is not expected.</exception>
    public static SweepDefinition Read(string path)
    {
        var keys = RunFile.Read(path);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var common = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var section in keys.GetChildren().Where(static section => !s_lists.Contains(section.Key, StringComparer.OrdinalIgnoreCase) && section.Key.ToUpperInvariant() is not ("THREADS" or "UNIT-SHARES")))
        {
            Add(path, folder, common, "", section);
        }

        var models = Sets(path, folder, keys.GetSection("models"), static options => options.TryGetValue("model", out var model) ? model : options.TryGetValue("weights", out var weights) ? WeightsName(weights) : null);
        return new SweepDefinition(
            common,
            models,
            Values(path, keys.GetSection("bits"), text => Bits(path, text)),
            Values(path, keys.GetSection("methods"), static text => new NamedOptions(text, One("method", text))),
            Values(path, keys.GetSection("seeds"), static text => new NamedOptions($"s{text}", One("seed", text))),
            Sets(path, folder, keys.GetSection("overrides"), static _ => null),
            Number(path, keys, "threads", MostThreads),
            Number(path, keys, "unit-shares", MostShares));
    }

    private static Dictionary<string, string> One(string key, string value) => new(StringComparer.OrdinalIgnoreCase) { [key] = value };

    private static string WeightsName(string weights) => Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(weights));

    // 4/8 is weights of 4 bits and activations of 8; 4 is 4 of both.
    private static NamedOptions Bits(string path, string text)
    {
        string[] parts = text.Split('/');
        if (parts.Length is 1 or 2 && parts.All(static part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var bits) && bits is >= BitWidth.Minimum and <= BitWidth.Maximum))
        {
            return new NamedOptions($"w{parts[0]}a{parts[^1]}", new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase) { ["weight-bits"] = parts[0], ["activation-bits"] = parts[^1] });
        }

        throw new ToolException($"{path}: bits has '{text}'; expected weights/activations such as 4/4, or one number for both, each from {BitWidth.Minimum} to {BitWidth.Maximum}.");
    }

    private static int Number(string path, IConfiguration keys, string key, int most) => keys[key] is not { } text ? 1
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= 1 && value <= most ? value
        : throw new ToolException(string.Create(CultureInfo.InvariantCulture, $"{path}: {key} is '{text}'; expected 1 to {most}."));

    private static List<NamedOptions> Values(string path, IConfigurationSection list, Func<string, NamedOptions> read) =>
        [.. Items(path, list).Select(item => read(item.Value ?? throw new ToolException($"{path}: {list.Key} has an entry with names; expected values.")))];

    private static List<NamedOptions> Sets(string path, string folder, IConfigurationSection list, Func<Dictionary<string, string>, string?> name)
    {
        var sets = new List<NamedOptions>();
        foreach (var item in Items(path, list))
        {
            var options = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            foreach (var child in item.GetChildren().Where(static child => !child.Key.Equals(Name, StringComparison.OrdinalIgnoreCase)))
            {
                Add(path, folder, options, "", child);
            }

            var called = item[Name] ?? name(options) ?? throw new ToolException($"{path}: an entry of {list.Key} has no 'name'.");
            if (called.Length == 0 || called.Any(static letter => !char.IsAsciiLetterOrDigit(letter) && letter is not ('.' or '_' or '-')))
            {
                throw new ToolException($"{path}: {list.Key} has the name '{called}'; expected letters, digits, '.', '_' and '-', for it becomes part of a folder's name.");
            }

            sets.Add(new NamedOptions(called, options));
        }

        return sets;
    }

    private static IEnumerable<IConfigurationSection> Items(string path, IConfigurationSection list)
    {
        var items = list.GetChildren().ToList();
        return list.Value is not null || items.Exists(static item => !int.TryParse(item.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            ? throw new ToolException($"{path}: {list.Key} is no list; expected entries that begin with '-'.")
            : items.OrderBy(static item => int.Parse(item.Key, CultureInfo.InvariantCulture));
    }

    private static void Add(string path, string folder, Dictionary<string, string> options, string prefix, IConfigurationSection section)
    {
        var key = prefix + section.Key;
        if (JobOptions.Refused.Contains(key, StringComparer.OrdinalIgnoreCase) && !key.Equals(JobOptions.Device, StringComparison.OrdinalIgnoreCase))
        {
            throw new ToolException($"{path}: '{key}' is the worker's to decide, and not a sweep's.");
        }

        if (section.Value is { } value)
        {
            options[key] = JobOptions.Inputs.Contains(key, StringComparer.OrdinalIgnoreCase) ? Path.GetFullPath(value, folder) : value;
        }

        foreach (var child in section.GetChildren())
        {
            Add(path, folder, options, key + ConfigurationPath.KeyDelimiter, child);
        }
    }
}
