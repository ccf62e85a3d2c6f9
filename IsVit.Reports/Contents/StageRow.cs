namespace IsVit.Reports.Contents;

/// <summary>A stage of the run.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Seconds">Its time, without scoring.</param>
/// <param name="Score">The model's score after it; null if it was not scored.</param>
public sealed record StageRow(string Name, double Seconds, double? Score);
