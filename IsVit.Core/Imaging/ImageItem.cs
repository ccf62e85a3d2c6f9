namespace IsVit.Core.Imaging;

/// <summary>An image file and, if known, its class.</summary>
/// <param name="Path">The file.</param>
/// <param name="Label">The index of the class, from 0; null if unknown.</param>
public sealed record ImageItem(string Path, int? Label = null);
