namespace IsVit.Reports.Contents;

/// <summary>How long a model takes in one format.</summary>
/// <param name="Format">The format and the runtime.</param>
/// <param name="BatchSize">Images at once.</param>
/// <param name="Milliseconds">The time for all of them.</param>
/// <param name="Bytes">The length of the file.</param>
public sealed record LatencyRow(string Format, int BatchSize, double Milliseconds, long Bytes);
