namespace IsVit.Detection.Coco;

/// <summary>A class of objects of a <see cref="CocoDataset"/>.</summary>
/// <param name="Id">The number that annotations and results name it by; any, with gaps between them.</param>
/// <param name="Name">What is shown; empty if the dataset gives none.</param>
/// <param name="Supercategory">The group it belongs to, if any.</param>
public sealed record CocoCategory(long Id, string Name, string? Supercategory = null);
