namespace IsVit.Onnx.Detectors;

/// <summary>The values that hold the objects of an image, best first.</summary>
/// <param name="Boxes">[objects, 4], in pixels of the original image.</param>
/// <param name="Scores">[objects].</param>
/// <param name="Labels">[objects], Int64.</param>
/// <param name="Masks">[objects, side, side]: probabilities.</param>
internal readonly record struct DetectedObjects(string Boxes, string Scores, string Labels, string Masks);
