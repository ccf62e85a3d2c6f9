using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using YamlDotNet.Core;

namespace IsVit.Tool.RunFiles;

/// <summary>A file with the options of a run, as keys and texts. Values are read as they are written, whatever the culture.</summary>
internal static class RunFile
{
    /// <summary>Reads a file.</summary>
    /// <param name="path">The file; YAML if it ends with .yaml or .yml, JSON (comments and trailing commas are allowed) if with .json.</param>
    /// <returns>Its keys; those of a section below another are parted by colons.</returns>
    /// <exception cref="ToolException">There is no such file, or it is not what its name says.</exception>
    public static IConfigurationRoot Read(string path)
    {
        var isJson = Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".JSON" => true,
            ".YAML" or ".YML" => false,
            _ => throw new ToolException($"{path}: a file of options ends with .yaml, .yml or .json, not with '{Path.GetExtension(path)}'."),
        };
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ToolException($"{path}: no such file of options.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ToolException($"{path}: cannot be read: {error.Message}", error);
        }

        return isJson ? Json(path, text) : Yaml(path, text);
    }

    private static IConfigurationRoot Json(string path, string text)
    {
        try
        {
            using var stream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text));
            using var json = JsonDocument.Parse(text, new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            RequireShallow(json.RootElement);
            return new ConfigurationBuilder().AddJsonStream(stream).Build();
        }
        catch (Exception error) when (error is JsonException or FormatException or InvalidOperationException)
        {
            throw new ToolException($"{path}: is no JSON object of options: {error.Message}", error);
        }
    }

    // A colon in a name parts a section from what is below it, and so many sections take their number's square of memory.
    private static void RequireShallow(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in value.EnumerateArray())
            {
                RequireShallow(item);
            }
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (var entry in value.EnumerateObject())
            {
                if (entry.Name.Count(static letter => letter == ':') > YamlKeys.Deepest)
                {
                    throw new FormatException("a name is nested too deeply.");
                }

                RequireShallow(entry.Value);
            }
        }
    }

    private static IConfigurationRoot Yaml(string path, string text)
    {
        try
        {
            return new ConfigurationBuilder().AddInMemoryCollection(YamlKeys.Of(text)).Build();
        }
        catch (YamlException error)
        {
            throw new ToolException(string.Create(CultureInfo.InvariantCulture, $"{path}, line {error.Start.Line}: is no YAML mapping of options: {error.Message}"), error);
        }
    }
}
