namespace IsVit.Core.Models.WeightFiles;

/// <summary>How a state dict is matched with a module.</summary>
public sealed record StateDictLoadOptions
{
    /// <summary>All names must be in both, types are converted, and there is no prefix.</summary>
    public static StateDictLoadOptions Default { get; } = new();

    /// <summary>Whether a name that only one side has is an error. A different shape is always an error.</summary>
    public bool Strict { get; init; } = true;

    /// <summary>Whether a floating-point type may be converted to another one, and an integer type to another one (or bool); otherwise types must be equal.</summary>
    public bool ConvertTypes { get; init; } = true;

    /// <summary>Only names of the source with this prefix are used, with the prefix removed, e.g. <c>module.</c>. Empty: all names unchanged.</summary>
    public string Prefix { get; init; } = string.Empty;

    /// <summary>Selects names that are excluded from matching on both sides and keep their values, e.g. <c>name => name.StartsWith("head.")</c> for a different number of classes.</summary>
    public Func<string, bool>? Skip { get; init; }
}
