using System.ComponentModel;
using System.Reflection;
using IsVit.Core.Models;
using IsVit.Optimization.Options;
using Microsoft.Extensions.Configuration;

namespace IsVit.Optimization.DependencyInjection;

/// <summary>Keys of a configuration that no option has: the binder would leave them out, and a misspelt one would mean the default.</summary>
internal static class ConfigurationKeys
{
    /// <summary>What is wrong with the keys, a sentence each.</summary>
    /// <param name="configuration">
    /// The section of <see cref="QuantizationOptions"/>. If it is a whole configuration, its first level belongs to others as well (such as the variables of the environment), and only what is nearly an option's name is
    /// taken for a misspelt one there.
    /// </param>
    public static IReadOnlyList<string> Errors(IConfiguration configuration) => [.. OfOptions(configuration, typeof(QuantizationOptions), configuration is IConfigurationRoot)];

    private static IEnumerable<string> OfOptions(IConfiguration section, Type type, bool isShared)
    {
        var known = Keys(type);
        foreach (var child in section.GetChildren())
        {
            if (known.TryGetValue(child.Key, out var value))
            {
                foreach (var error in OfValue(child, value))
                {
                    yield return error;
                }
            }
            else if (!isShared || ModelCatalog.Closest(known.Keys, child.Key).Count > 0)
            {
                yield return $"{child.Path}: there is no option '{child.Key}'; the nearest is '{Nearest(known, child.Key)}'.";
            }
        }
    }

    private static IEnumerable<string> OfValue(IConfigurationSection section, Type type)
    {
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IList<>))
        {
            return section.GetChildren().SelectMany(item => OfValue(item, type.GetGenericArguments()[0]));
        }

        if (!type.IsClass || type == typeof(string))
        {
            return section.GetChildren().Select(child => $"{child.Path}: '{section.Key}' is a single value and has no option '{child.Key}'.").Concat(OfText(section, Nullable.GetUnderlyingType(type) ?? type));
        }

        return string.IsNullOrEmpty(section.Value)
            ? OfOptions(section, type, isShared: false)
            : [$"{section.Path} is '{section.Value}'; expected a section with keys such as '{Keys(type).Keys.First()}'."];
    }

    // The binder leaves out an item of a list that has a value of another type, and says nothing.
    private static IEnumerable<string> OfText(IConfigurationSection section, Type type)
    {
        if (!string.IsNullOrEmpty(section.Value) && !IsOf(type, section.Value))
        {
            yield return $"{section.Path} is '{section.Value}'; expected {(type.IsEnum ? $"one of {string.Join(", ", Enum.GetNames(type))}" : type == typeof(bool) ? "true or false" : type == typeof(double) ? "a number" : "a whole number")}.";
        }
    }

    private static bool IsOf(Type type, string text)
    {
        try
        {
            return TypeDescriptor.GetConverter(type).ConvertFromInvariantString(text) is not null;
        }
        catch (Exception error) when (error is ArgumentException or FormatException or NotSupportedException)
        {
            return false;
        }
    }

    // An option of that name in a section below was most likely meant.
    private static string Nearest(Dictionary<string, Type> known, string key)
    {
        var below = known.FirstOrDefault(entry => entry.Value.IsClass && entry.Value != typeof(string) && Keys(entry.Value).ContainsKey(key));
        return below.Key is { } section
            ? $"{section}:{Keys(below.Value).Keys.First(name => name.Equals(key, StringComparison.OrdinalIgnoreCase))}"
            : ModelCatalog.ClosestFirst(known.Keys, key).First();
    }

    private static Dictionary<string, Type> Keys(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(static property => property.SetMethod is { IsPublic: true })
        .ToDictionary(static property => property.Name, static property => property.PropertyType, StringComparer.OrdinalIgnoreCase);
}
