namespace IsVit.Core.Models.WeightFiles;

/// <summary>The result of loading a state dict.</summary>
/// <param name="Loaded">Names that were loaded.</param>
/// <param name="Missing">Names of the module that the source lacks; they kept their values. Empty when loading is strict.</param>
/// <param name="Unexpected">Names of the source that the module lacks. Empty when loading is strict.</param>
public sealed record StateDictReport(IReadOnlyList<string> Loaded, IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected)
{
    /// <summary>The prefix that was removed from the source's names; empty for none.</summary>
    public string Prefix { get; init; } = string.Empty;

    /// <summary>Names of the module whose tensors were resized to fit.</summary>
    public IReadOnlyList<string> Resized { get; init; } = [];
}
