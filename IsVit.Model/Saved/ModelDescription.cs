using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using IsVit.Model.Architectures;
using IsVit.Model.Imaging;
using IsVit.Model.Quantization;

namespace IsVit.Model.Saved;

/// <summary>The description of a model: enough to recreate its layers, and to preprocess images for it.</summary>
public sealed record ModelDescription
{
    private const string ArchitectureKey = "architecture";
    private const string NameKey = "name";
    private const string OptionsKey = "options";
    private const string PreprocessingKey = "preprocessing";
    private const string ClassesKey = "classes";
    private const string VisionTransformer = "vit";
    private const string SwinTransformer = "swin";

    /// <summary>Creates the description of a model.</summary>
    /// <param name="architecture">The kind of model, with its sizes.</param>
    public ModelDescription(ModelOptions architecture)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        Architecture = architecture;
    }

    /// <summary>The kind of model, with its sizes.</summary>
    public ModelOptions Architecture { get; init; }

    /// <summary>The name of the model, such as in a catalogue; null if it has none.</summary>
    public string? Name { get; init; }

    /// <summary>How images are preprocessed to its input; null if unknown.</summary>
    public ImagePreprocessing? Preprocessing { get; init; }

    /// <summary>The names of its classes, in the order of the outputs; null if unknown.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    internal string ToJson()
    {
        var json = new JsonObject
        {
            [ArchitectureKey] = Architecture is VisionTransformerOptions ? VisionTransformer : SwinTransformer,
            [OptionsKey] = Architecture is VisionTransformerOptions vit
                ? JsonSerializer.SerializeToNode(vit, SavedJson.Named.VisionTransformerOptions)
                : JsonSerializer.SerializeToNode((SwinTransformerOptions)Architecture, SavedJson.Named.SwinTransformerOptions),
        };
        if (Name is not null)
        {
            json[NameKey] = Name;
        }

        if (Preprocessing is not null)
        {
            json[PreprocessingKey] = JsonSerializer.SerializeToNode(Preprocessing, SavedJson.Named.ImagePreprocessing);
        }

        if (Classes is not null)
        {
            json[ClassesKey] = JsonSerializer.SerializeToNode([.. Classes], SavedJson.Named.ListString);
        }

        return json.ToJsonString();
    }

    /// <exception cref="QuantizationException">The text is no description of a model.</exception>
    internal static ModelDescription Parse(string text, string file)
    {
        try
        {
            var json = JsonNode.Parse(text)?.AsObject() ?? throw new JsonException("it is null");
            var kind = (string?)json[ArchitectureKey];
            ModelOptions options = kind switch
            {
                VisionTransformer => Read(json[OptionsKey], new(), SavedJson.Named.VisionTransformerOptions),
                SwinTransformer => Read(json[OptionsKey], new(), SavedJson.Named.SwinTransformerOptions),
                _ => throw new JsonException($"the {ArchitectureKey} is '{kind}'; expected '{VisionTransformer}' or '{SwinTransformer}'"),
            };
            options.Validate();
            return new ModelDescription(options)
            {
                Name = (string?)json[NameKey],
                Preprocessing = json[PreprocessingKey] is { } preprocessing ? Read(preprocessing, new(), SavedJson.Named.ImagePreprocessing) : null,
                Classes = json[ClassesKey]?.Deserialize(SavedJson.Named.ListString),
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new QuantizationException($"'{file}': the metadata '{SavedNames.Model}' is broken: {e.Message}", e);
        }
    }

    // What the text leaves out keeps its default.
    private static T Read<T>(JsonNode? json, T defaults, JsonTypeInfo<T> type)
        where T : class
    {
        var all = JsonSerializer.SerializeToNode(defaults, type)!.AsObject();
        foreach (var (key, value) in json?.AsObject() ?? throw new JsonException("its sizes are missing"))
        {
            all[key] = value?.DeepClone();
        }

        return all.Deserialize(type) ?? throw new JsonException("it is null");
    }
}
