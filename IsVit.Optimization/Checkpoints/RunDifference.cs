using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using IsVit.Optimization.Options;

namespace IsVit.Optimization.Checkpoints;

/// <summary>In what a run differs from that of a checkpoint, for people.</summary>
internal static class RunDifference
{
    private const int LongestValue = 40;

    private static readonly JsonSerializerOptions s_readable = new() { Converters = { new JsonStringEnumConverter() } };

    /// <summary>Says what differs, with both values where they are short.</summary>
    /// <param name="key">What was compared.</param>
    /// <param name="there">What the checkpoint has; null for nothing.</param>
    /// <param name="here">What this run has.</param>
    public static string Describe(string key, string? there, string here) => key switch
    {
        "options" when there is not null && Options(there, here) is { Count: > 0 } changes => $"{key} ({string.Join("; ", changes)})",
        "versions" when there is not null => $"{key} ({there} there, {here} here)",
        _ => key,
    };

    private static List<string> Options(string there, string here)
    {
        try
        {
            return [.. Changes("", Readable(there), Readable(here))];
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            // Another version's, which has other options; or numbers that nobody wrote.
            return [];
        }
    }

    // Enumerations are numbers in a checkpoint.
    private static JsonNode? Readable(string options) => JsonSerializer.SerializeToNode(JsonSerializer.Deserialize<QuantizationOptions>(options), s_readable);

    private static IEnumerable<string> Changes(string path, JsonNode? there, JsonNode? here)
    {
        if (there is JsonObject one && here is JsonObject other)
        {
            return one.Select(static entry => entry.Key).Union(other.Select(static entry => entry.Key), StringComparer.Ordinal)
                .SelectMany(key => Changes(path.Length == 0 ? key : $"{path}.{key}", one[key], other[key]));
        }

        var (before, now) = (Text(there), Text(here));
        return JsonNode.DeepEquals(there, here) ? []
            : before.Length > LongestValue || now.Length > LongestValue ? [path]
            : [$"{path} is {before} there and {now} here"];
    }

    private static string Text(JsonNode? value) => value?.ToJsonString() ?? "not set";
}
