namespace IsVit.Core.Models.WeightFiles;

/// <summary>How a state dict is matched with a module.</summary>
public sealed record StateDictLoadOptions
{
    /// <summary>Every name must be in both, every type is converted, no prefix.</summary>
    public static StateDictLoadOptions Default { get; } = new();

    /// <summary>Whether a name that only one side has is an error. A shape that differs always is.</summary>
    public bool Strict { get; init; } = true;

    /// <summary>Whether a floating-point type may become another one, an integer type another one (or bool); otherwise types must be equal.</summary>
    public bool ConvertTypes { get; init; } = true;

    /// <summary>Only names of the source that begin so are considered, without it, e.g. <c>module.</c>. Empty: all names as they are.</summary>
    public string Prefix { get; init; } = string.Empty;

    /// <summary>Names that stay out of the matching on both sides and keep their values, e.g. <c>name => name.StartsWith("head.")</c> for another number of classes.</summary>
    public Func<string, bool>? Skip { get; init; }
}
