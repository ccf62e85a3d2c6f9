using IsVit.Detection.Masks;

namespace IsVit.Detection.Coco;

/// <summary>A detection, as COCO's results format has it.</summary>
/// <param name="ImageId">The picture.</param>
/// <param name="CategoryId">The class.</param>
/// <param name="Score">How sure the detector is, any finite number; higher ones come first.</param>
/// <param name="Box">The box in pixels of the original picture; null for that of the segmentation.</param>
/// <param name="Segmentation">The mask, of the original picture's size; null for the box.</param>
public sealed record CocoResult(long ImageId, long CategoryId, double Score, CocoBox? Box = null, CocoSegmentation? Segmentation = null);
