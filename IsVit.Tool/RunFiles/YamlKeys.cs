using System.Globalization;
using Microsoft.Extensions.Configuration;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace IsVit.Tool.RunFiles;

/// <summary>A YAML document as the keys and texts of a configuration.</summary>
internal sealed class YamlKeys
{
    /// <summary>How many sections may lie within each other: aliases make endless documents, and huge ones, of a few lines.</summary>
    public const int Deepest = 8;

    private const int Most = 10_000;

    // The stream, the document and its mapping.
    private const int DocumentDepth = 3;

    private readonly Dictionary<string, string?> _entries = new(StringComparer.OrdinalIgnoreCase);

    private YamlKeys()
    {
    }

    /// <summary>Reads a document.</summary>
    /// <param name="text">The file's text; one without a document has no keys.</param>
    /// <exception cref="YamlException">It is not YAML, or no mapping.</exception>
    public static IReadOnlyDictionary<string, string?> Of(string text)
    {
        var stream = Load(text);
        var keys = new YamlKeys();
        switch (stream.Documents)
        {
            case []:
                break;
            case [{ RootNode: YamlMappingNode mapping }]:
                keys.AddMapping("", mapping, 0);
                break;
            case [var document]:
                throw Error(document.RootNode, "expected 'key: value' on each line.");
            case var several:
                throw Error(several[1].RootNode, "expected one document.");
        }

        return keys._entries;
    }

    // The document's reader calls itself for what lies within, and ends the process where that is deep: so the events are looked at first, which come one after the other. Both throw more kinds of errors than they say.
    private static YamlStream Load(string text)
    {
        var at = Mark.Empty;
        try
        {
            var parser = new Parser(new StringReader(text));
            for (var depth = 0; parser.MoveNext();)
            {
                at = parser.Current!.End;
                depth += parser.Current.NestingIncrease;
                if (depth > Deepest + DocumentDepth)
                {
                    throw new YamlException(parser.Current.Start, at, "is nested too deeply.");
                }
            }

            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            return stream;
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException or FormatException or OverflowException or NullReferenceException or IndexOutOfRangeException)
        {
            throw new YamlException(at, at, $"cannot be read: {error.Message}", error);
        }
    }

    private void Add(string key, YamlNode node, int depth)
    {
        if (depth > Deepest)
        {
            throw Error(node, "is nested too deeply.");
        }

        if (_entries.Count >= Most)
        {
            throw Error(node, "has too many values.");
        }

        // A section and a value may differ in case alone, as 'calibration' and 'Calibration' do.
        var isSection = node is YamlMappingNode { Children.Count: > 0 } or YamlSequenceNode { Children.Count: > 0 };
        if (!isSection && !_entries.TryAdd(key, node is YamlScalarNode scalar ? Text(scalar) : null))
        {
            throw Error(node, $"'{key}' is given twice.");
        }

        if (node is YamlMappingNode mapping)
        {
            AddMapping(key + ConfigurationPath.KeyDelimiter, mapping, depth + 1);
        }
        else if (node is YamlSequenceNode sequence)
        {
            for (var i = 0; i < sequence.Children.Count; i++)
            {
                Add(string.Create(CultureInfo.InvariantCulture, $"{key}{ConfigurationPath.KeyDelimiter}{i}"), sequence.Children[i], depth + 1);
            }
        }
    }

    private void AddMapping(string prefix, YamlMappingNode mapping, int depth)
    {
        foreach (var (key, value) in mapping.Children)
        {
            // A colon in a name parts a section from what is below it.
            if (key is YamlScalarNode { Value: { } text } && text.Count(static letter => letter == ':') > Deepest)
            {
                throw Error(key, "is nested too deeply.");
            }

            Add(prefix + (key is YamlScalarNode { Value: { Length: > 0 } name } ? name : throw Error(key, "expected a name before the colon.")), value, depth);
        }
    }

    // Only what is not quoted can be nothing.
    private static string? Text(YamlScalarNode node) => node is { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" or "Null" or "NULL" } ? null : node.Value;

    private static YamlException Error(YamlNode node, string message) => new(node.Start, node.End, message);
}
