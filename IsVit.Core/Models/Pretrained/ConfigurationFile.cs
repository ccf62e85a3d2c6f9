using System.Text.Json;

namespace IsVit.Core.Models.Pretrained;

/// <summary>An object of a JSON file that describes a model.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="json">The object.</param>
internal sealed class ConfigurationFile(string path, JsonElement json)
{
    private const int MaxBytes = 20_000_000;

    /// <summary>The file.</summary>
    public string FilePath { get; } = path;

    /// <summary>The keys.</summary>
    public IEnumerable<string> Keys => json.EnumerateObject().Select(static entry => entry.Name);

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="PretrainedModelException">It is no JSON object.</exception>
    public static ConfigurationFile? TryRead(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            if (new FileInfo(path).Length > MaxBytes)
            {
                throw new PretrainedModelException($"{path}: expected at most {MaxBytes} bytes of JSON, found more.");
            }

            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            RequireTexts(json.RootElement);
            return json.RootElement.ValueKind == JsonValueKind.Object
                ? new ConfigurationFile(path, json.RootElement.Clone())
                : throw new PretrainedModelException($"{path}: expected a JSON object, found {json.RootElement.ValueKind}.");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new PretrainedModelException($"{path}: expected JSON: {error.Message}", error);
        }
    }

    /// <summary>Whether a key has a value other than null.</summary>
    /// <param name="key">The key.</param>
    public bool Has(string key) => json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>A text; null if there is none.</summary>
    /// <param name="key">The key.</param>
    public string? Text(string key) => Get(key, "a text", static value => value.ValueKind == JsonValueKind.String ? value.GetString() : null);

    /// <summary>A whole number; null if there is none.</summary>
    /// <param name="key">The key.</param>
    public int? Int32(string key) => Get<int?>(key, "a whole number", static value => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : null);

    /// <summary>A whole number that must be there.</summary>
    /// <param name="key">The key.</param>
    public int RequiredInt32(string key) => Int32(key) ?? throw new PretrainedModelException($"{FilePath}: expected a whole number '{key}', found none.");

    /// <summary>A number; null if there is none.</summary>
    /// <param name="key">The key.</param>
    public double? Number(string key) => Get<double?>(key, "a number", static value => value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null);

    /// <summary>Yes or no; null if there is none.</summary>
    /// <param name="key">The key.</param>
    public bool? Flag(string key) => Get<bool?>(key, "true or false", static value => value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : null);

    /// <summary>Numbers; null if there are none.</summary>
    /// <param name="key">The key.</param>
    public IReadOnlyList<double>? Numbers(string key) => Get(key, "numbers", static value =>
        value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(static item => item.ValueKind == JsonValueKind.Number) ? value.EnumerateArray().Select(static item => item.GetDouble()).ToArray() : null);

    /// <summary>Texts; null if there are none, or if there is something else.</summary>
    /// <param name="key">The key.</param>
    public IReadOnlyList<string>? Texts(string key) =>
        json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(static item => item.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(static item => item.GetString()!)]
            : null;

    /// <summary>An object; null if there is none, or if there is something else.</summary>
    /// <param name="key">The key.</param>
    public ConfigurationFile? Section(string key) => json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Object ? new ConfigurationFile(FilePath, value) : null;

    /// <summary>A size in pixels that stands as one number, or as equal numbers for height and width.</summary>
    /// <param name="key">The key.</param>
    /// <returns>Null if there is none.</returns>
    public int? Side(string key) => Get<int?>(key, "a number of pixels, or two equal ones", static value => value.ValueKind switch
    {
        JsonValueKind.Number when value.TryGetInt32(out var side) => side,
        JsonValueKind.Array when value.GetArrayLength() == 2 && value[0].TryGetInt32(out var height) && value[1].TryGetInt32(out var width) && height == width => height,
        JsonValueKind.Object when value.TryGetProperty("height", out var high) && value.TryGetProperty("width", out var wide) && high.TryGetInt32(out var height) && wide.TryGetInt32(out var width) && height == width => height,
        _ => null,
    });

    private T? Get<T>(string key, string expected, Func<JsonElement, T?> read)
    {
        if (!Has(key))
        {
            return default;
        }

        var value = json.GetProperty(key);
        return read(value) is { } found ? found : throw new PretrainedModelException($"{FilePath}: expected {expected} as '{key}', found {Shortened(value.GetRawText())}.");
    }

    // Names and texts are decoded when they are asked for, and may be no UTF-8 then, or half of a pair.
    private static void RequireTexts(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                value.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray())
                {
                    RequireTexts(item);
                }

                break;
            case JsonValueKind.Object:
                foreach (var entry in value.EnumerateObject())
                {
                    _ = entry.Name;
                    RequireTexts(entry.Value);
                }

                break;
            default:
                break;
        }
    }

    private static string Shortened(string text) => text.Length <= 100 ? text : string.Concat(text.AsSpan(0, 100), "...");
}
