using System.Text.Json;
using IsVit.Model.Files;

namespace IsVit.Tool.Sweeps;

/// <summary>A run as the file that <c>isvit quantize --config</c> takes.</summary>
internal static class RunConfig
{
    private static readonly JsonSerializerOptions s_options = new() { WriteIndented = true };

    /// <summary>Writes the file.</summary>
    /// <param name="path">Where to; its folder must exist.</param>
    /// <param name="options">Options by name; parts of a key are divided by colons.</param>
    public static void Write(string path, IReadOnlyDictionary<string, string> options) =>
        WholeFile.Write(path, stream => JsonSerializer.Serialize(stream, options.OrderBy(static option => option.Key, StringComparer.Ordinal).ToDictionary(static option => option.Key, static option => option.Value), s_options));
}
