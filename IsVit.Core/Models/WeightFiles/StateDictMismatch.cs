namespace IsVit.Core.Models.WeightFiles;

/// <summary>A tensor that is in both the module and the file, but does not fit.</summary>
/// <param name="Name">The name.</param>
/// <param name="Expected">The module's type and shape, e.g. <c>F32 [1000, 192]</c>.</param>
/// <param name="Found">The file's type and shape.</param>
public sealed record StateDictMismatch(string Name, string Expected, string Found)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name} (expected {Expected}, found {Found})";
}
