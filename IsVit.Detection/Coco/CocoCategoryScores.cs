namespace IsVit.Detection.Coco;

/// <summary>The scores of one class; each is -1 if the class has no object that counts, or the threshold is not among those evaluated.</summary>
/// <param name="Category">The class.</param>
/// <param name="AP">Average precision over all overlap thresholds, 0 to 1.</param>
/// <param name="AP50">Average precision at overlap 0.5.</param>
/// <param name="AP75">Average precision at overlap 0.75.</param>
/// <param name="AR100">Average recall over all overlap thresholds, with the most detections a picture that were evaluated (100 by default).</param>
public sealed record CocoCategoryScores(CocoCategory Category, double AP, double AP50, double AP75, double AR100);
