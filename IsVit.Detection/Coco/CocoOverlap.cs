namespace IsVit.Detection.Coco;

/// <summary>What the overlap of detections and objects is measured on.</summary>
public enum CocoOverlap
{
    /// <summary>Boxes (iouType "bbox").</summary>
    Boxes,

    /// <summary>Masks (iouType "segm").</summary>
    Masks,
}
