using System.Text.Json.Serialization;
using IsVit.Detection.Coco;
using IsVit.Tool.Evaluation;

namespace IsVit.Tool.Reporting;

/// <summary>A detector's scores in <see cref="QuantizationJson"/>.</summary>
/// <param name="Images">The number of images that were scored; 0 for none.</param>
/// <param name="Float">The float detector's scores, or null.</param>
/// <param name="Quantized">The quantized detector's scores, or null.</param>
internal sealed record DetectionJson(int Images, DetectorScoresJson? Float, DetectorScoresJson? Quantized)
{
    /// <summary>Puts scores together.</summary>
    /// <param name="reference">The float detector's, or null.</param>
    /// <param name="quantized">The quantized detector's, or null.</param>
    /// <param name="perClass">Whether each class has its own.</param>
    public static DetectionJson Of(DetectionScores? reference, DetectionScores? quantized, bool perClass = false) =>
        new((quantized ?? reference)?.ImageCount ?? 0, Scores(reference, perClass), Scores(quantized, perClass));

    private static DetectorScoresJson? Scores(DetectionScores? scores, bool perClass) => scores is null ? null : new DetectorScoresJson(Summary(scores.Boxes), Summary(scores.Masks), scores.ImagesPerSecond)
    {
        Classes = perClass ? [.. scores.Boxes.Categories.Zip(scores.Masks.Categories, static (box, mask) =>
            new ClassScoresJson(box.Category.Id, box.Category.Name, DetectionScores.Percent(box.AP), DetectionScores.Percent(mask.AP)))] : null,
    };

    private static Dictionary<string, double?> Summary(CocoScores scores) => scores.Summary.ToDictionary(static score => score.Key, static score => DetectionScores.Percent(score.Value), StringComparer.Ordinal);
}

/// <summary>The scores of a detector in <see cref="DetectionJson"/>, in percent; null where no object counts.</summary>
/// <param name="Boxes">pycocotools' twelve numbers for boxes, by name.</param>
/// <param name="Masks">The same for masks.</param>
/// <param name="ImagesPerSecond">How fast images were read and looked at.</param>
internal sealed record DetectorScoresJson(IReadOnlyDictionary<string, double?> Boxes, IReadOnlyDictionary<string, double?> Masks, double ImagesPerSecond)
{
    /// <summary>The scores of each class, where they were asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ClassScoresJson>? Classes { get; init; }
}

/// <summary>The scores of a class in <see cref="DetectorScoresJson"/>.</summary>
/// <param name="Id">The category's id.</param>
/// <param name="Name">Its name.</param>
/// <param name="BoxAP">The boxes' average precision in percent.</param>
/// <param name="MaskAP">The masks' average precision in percent.</param>
internal sealed record ClassScoresJson(long Id, string Name, [property: JsonPropertyName("boxAP")] double? BoxAP, [property: JsonPropertyName("maskAP")] double? MaskAP);
