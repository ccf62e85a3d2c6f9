using System.Text.Json;
using System.Text.Json.Serialization;
using IsVit.Model.Architectures;
using IsVit.Model.Imaging;

namespace IsVit.Model.Saved;

/// <summary>How a saved model's lists are written; without reflection, so that programs can be compiled ahead of time.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(List<SiteRecord>))]
[JsonSerializable(typeof(List<QuantizerRecord>))]
[JsonSerializable(typeof(VisionTransformerOptions))]
[JsonSerializable(typeof(SwinTransformerOptions))]
[JsonSerializable(typeof(ImagePreprocessing))]
[JsonSerializable(typeof(List<string>))]
internal sealed partial class SavedJson : JsonSerializerContext
{
    /// <summary>The one that is used everywhere: enumerations by name only.</summary>
    public static SavedJson Named { get; } = new(new JsonSerializerOptions
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters =
        {
            new JsonStringEnumConverter<SiteOperand>(namingPolicy: null, allowIntegerValues: false),
            new JsonStringEnumConverter<SiteRole>(namingPolicy: null, allowIntegerValues: false),
            new JsonStringEnumConverter<PoolingKind>(namingPolicy: null, allowIntegerValues: false),
            new JsonStringEnumConverter<MlpKind>(namingPolicy: null, allowIntegerValues: false),
            new JsonStringEnumConverter<ResampleFilter>(namingPolicy: null, allowIntegerValues: false),
            new JsonStringEnumConverter<ResizeMode>(namingPolicy: null, allowIntegerValues: false),
        },
    });
}
