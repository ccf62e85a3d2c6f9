namespace IsVit.Detection.Coco;

/// <summary>A picture of a <see cref="CocoDataset"/>.</summary>
/// <param name="Id">The number that annotations and results name it by.</param>
/// <param name="FileName">The file, as the dataset names it; empty if it does not.</param>
/// <param name="Width">Columns in pixels; 0 if unknown, and then polygons cannot be made masks.</param>
/// <param name="Height">Rows in pixels; 0 if unknown, and then polygons cannot be made masks.</param>
public sealed record CocoImage(long Id, string FileName, int Width, int Height);
