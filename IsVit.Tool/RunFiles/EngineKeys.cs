using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using IsVit.Optimization.Options;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace IsVit.Tool.RunFiles;

/// <summary>Keys of a file that are names of <see cref="QuantizationOptions"/>, as in the section that <c>AddIsVitQuantization</c> takes.</summary>
internal static partial class EngineKeys
{
    /// <summary>The options that the tool has as well, under its own names.</summary>
    public static IReadOnlyDictionary<string, string> ToolNames { get; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["WeightBits"] = "weight-bits",
        ["ActivationBits"] = "activation-bits",
        ["Recipe"] = "method",
        ["Reconstruction:Iterations"] = "iterations",
        ["Reconstruction:BatchSize"] = "batch",
        ["Reconstruction:LearningRate"] = "learning-rate",
        ["Reconstruction:DropProbability"] = "drop-probability",
        ["Reconstruction:HeldOutShare"] = "held-out",
        ["Reconstruction:OutputWeight"] = "output-weight",
        ["Reconstruction:Views"] = "views",
        ["Reconstruction:Cache"] = "cache",
        ["Reconstruction:CacheDirectory"] = "cache-folder",
        ["Reconstruction:Precision"] = "precision",
        ["OutputTuning:Steps"] = "tuning-steps",
    };

    /// <summary>The names of the options and sections of the first level.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Properties(typeof(QuantizationOptions)).Select(static property => property.Name)];

    /// <summary>The section below which an option of such a name is.</summary>
    /// <param name="name">The name alone.</param>
    /// <returns>The whole key; null if it is in none.</returns>
    public static string? ClosestSection(string name) => Properties(typeof(QuantizationOptions)).Where(static property => property.PropertyType is { IsClass: true } type && type != typeof(string))
        .SelectMany(static section => Properties(section.PropertyType).Select(property => $"{section.Name}:{property.Name}"))
        .FirstOrDefault(key => key.EndsWith($":{name}", StringComparison.OrdinalIgnoreCase));

    /// <summary>Checks keys and values as a host does when it starts.</summary>
    /// <param name="path">The file, for the message.</param>
    /// <param name="keys">What it holds for the engine.</param>
    /// <exception cref="ToolException">A key is none, or a value is not what is expected.</exception>
    public static void Require(string path, IConfiguration keys)
    {
        using var services = new ServiceCollection().AddIsVitQuantization(keys).BuildServiceProvider();
        try
        {
            _ = services.GetRequiredService<IOptions<QuantizationOptions>>().Value;
        }
        catch (OptionsValidationException error)
        {
            throw new ToolException($"{path}: {error.Failures.First()}", error);
        }
        catch (InvalidOperationException error)
        {
            var key = KeyOfMessage().Match(error.Message).Groups[1].Value;
            throw new ToolException(Expected(key) is { } expected ? $"{path}: {key} is '{keys[key]}'; expected {expected}." : $"{path}: {error.Message}", error);
        }
    }

    // What the binder says when a value is of another type.
    [GeneratedRegex("at '([^']+)'", RegexOptions.CultureInvariant, Timeout.Infinite)]
    private static partial Regex KeyOfMessage();

    private static string? Expected(string key)
    {
        var type = typeof(QuantizationOptions);
        foreach (var name in key.Split(ConfigurationPath.KeyDelimiter))
        {
            type = type.IsGenericType && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _)
                ? type.GetGenericArguments()[0]
                : Properties(type).FirstOrDefault(property => property.Name.Equals(name, StringComparison.OrdinalIgnoreCase))?.PropertyType;
            if (type is null)
            {
                return null;
            }
        }

        type = Nullable.GetUnderlyingType(type) ?? type;
        return type == typeof(int) || type == typeof(long) ? "a whole number"
            : type == typeof(double) ? "a number"
            : type == typeof(bool) ? "true or false"
            : type.IsEnum ? $"one of {string.Join(", ", Enum.GetNames(type))}"
            : null;
    }

    private static IEnumerable<PropertyInfo> Properties(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(static property => property.SetMethod is { IsPublic: true });
}
