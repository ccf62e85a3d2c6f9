namespace IsVit.Core.Imaging;

/// <summary>An image file and, where it is known, the class of what it shows.</summary>
/// <param name="Path">The file.</param>
/// <param name="Label">The class, counted from 0; null if unknown.</param>
public sealed record ImageItem(string Path, int? Label = null);
