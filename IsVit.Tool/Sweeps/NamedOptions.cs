namespace IsVit.Tool.Sweeps;

/// <summary>An entry of a sweep's list.</summary>
/// <param name="Name">What it adds to a run's name.</param>
/// <param name="Options">What it sets.</param>
internal sealed record NamedOptions(string Name, IReadOnlyDictionary<string, string> Options);
