namespace IsVit.Reports.Contents;

/// <summary>A text that two reports may have.</summary>
/// <param name="Name">What it is.</param>
/// <param name="First">The first report's; null where it has none.</param>
/// <param name="Second">The second report's.</param>
public sealed record ComparedText(string Name, string? First, string? Second);
