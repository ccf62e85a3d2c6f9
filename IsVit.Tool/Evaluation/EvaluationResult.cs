using System.Globalization;

namespace IsVit.Tool.Evaluation;

/// <summary>A model's figures on a set of images.</summary>
/// <param name="Top1">Percent right, or null without labels.</param>
/// <param name="Top5">Percent right among the first five, or null without labels.</param>
/// <param name="Agreement">Percent of images with the float model's first class, or null where there is no float model.</param>
/// <param name="LogitsMse">The mean squared difference of the logits from the float model's, or null where there is no float model.</param>
internal sealed record EvaluationResult(double? Top1, double? Top5, double? Agreement, double? LogitsMse)
{
    /// <summary>What was not measured.</summary>
    public static EvaluationResult None { get; } = new(null, null, null, null);

    /// <summary>A detector's scores; null for a classifier, and where they were not measured.</summary>
    public DetectionScores? Detection { get; init; }

    /// <summary>The figure that stands for all, in percent: a classifier's top-1 accuracy, the box AP of a detector; null where it is not known.</summary>
    public double? Score => Detection is null ? Top1 : Detection.BoxAP;

    /// <summary>The figures in a few words.</summary>
    public string Summary => Detection is null ? $"{Percent(Top1)} top-1, {Percent(Top5)} top-5" : $"{Percent(Detection.BoxAP)} box AP, {Percent(Detection.MaskAP)} mask AP";

    /// <summary>Figures of answers, beside the float model's answers where they are known.</summary>
    /// <param name="logits">The answers.</param>
    /// <param name="reference">The float model's answers to the same images.</param>
    public static EvaluationResult Of(Logits logits, Logits? reference = null)
    {
        var hasLabels = logits.Labels is not null;
        return new EvaluationResult(
            hasLabels ? Accuracy.Top(logits, 1) : null,
            hasLabels ? Accuracy.Top(logits, 5) : null,
            reference is null ? null : Accuracy.Agreement(logits, reference),
            reference is null ? null : Accuracy.MeanSquaredError(logits, reference));
    }

    private static string Percent(double? value) => value is { } v ? string.Create(CultureInfo.InvariantCulture, $"{v:F2} %") : "unknown";
}
