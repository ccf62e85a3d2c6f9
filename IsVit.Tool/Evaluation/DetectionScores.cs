using IsVit.Detection.Coco;

namespace IsVit.Tool.Evaluation;

/// <summary>A detector's scores on a set of images.</summary>
/// <param name="Boxes">The scores of its boxes.</param>
/// <param name="Masks">The scores of its masks.</param>
/// <param name="ImageCount">The number of images.</param>
/// <param name="Duration">The time of reading the images and detecting in them.</param>
internal sealed record DetectionScores(CocoScores Boxes, CocoScores Masks, int ImageCount, TimeSpan Duration)
{
    /// <summary>The boxes' average precision in percent; null where no object counts.</summary>
    public double? BoxAP => Percent(Boxes.AP);

    /// <summary>The masks' average precision in percent; null where no object counts.</summary>
    public double? MaskAP => Percent(Masks.AP);

    /// <summary>Images a second.</summary>
    public double ImagesPerSecond => ImageCount / Duration.TotalSeconds;

    /// <summary>One of COCO's scores in percent.</summary>
    /// <param name="score">0 to 1, or below 0 for none.</param>
    public static double? Percent(double score) => score < 0 ? null : 100 * score;
}
