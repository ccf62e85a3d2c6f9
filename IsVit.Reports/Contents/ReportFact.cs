namespace IsVit.Reports.Contents;

/// <summary>Something about a run.</summary>
/// <param name="Name">What.</param>
/// <param name="Value">Its value, as text.</param>
public sealed record ReportFact(string Name, string Value);
