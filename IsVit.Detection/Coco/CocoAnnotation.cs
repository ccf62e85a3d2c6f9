using IsVit.Detection.Masks;

namespace IsVit.Detection.Coco;

/// <summary>An object, or a crowd of them, in a picture of a <see cref="CocoDataset"/>.</summary>
/// <param name="Id">A number that no other annotation of the dataset has. Not 0: pycocotools, and so this library, counts a detection that is matched with it as a false positive.</param>
/// <param name="ImageId">The picture.</param>
/// <param name="CategoryId">The class.</param>
/// <param name="Box">The box, in pixels.</param>
/// <param name="Area">The area in pixels that decides which of the area ranges it is in; in COCO that of the segmentation.</param>
/// <param name="IsCrowd">Whether it is a crowd: it need not be found, any number of detections may lie on it, and overlap is taken relative to the detection's area.</param>
/// <param name="Segmentation">The outline or mask, if there is one.</param>
public sealed record CocoAnnotation(long Id, long ImageId, long CategoryId, CocoBox Box, double Area, bool IsCrowd = false, CocoSegmentation? Segmentation = null);
