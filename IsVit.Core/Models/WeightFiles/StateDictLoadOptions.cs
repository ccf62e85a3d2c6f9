namespace IsVit.Core.Models.WeightFiles;

/// <summary>How a state dict is matched with a module.</summary>
public sealed record StateDictLoadOptions
{
    /// <summary>All names must be in both, types are converted, and there is no prefix but a customary one.</summary>
    public static StateDictLoadOptions Default { get; } = new();

    /// <summary>Whether a name that only one side has is an error. A different shape is always an error.</summary>
    public bool Strict { get; init; } = true;

    /// <summary>Whether a floating-point type may be converted to another one, and an integer type to another one (or bool); otherwise types must be equal.</summary>
    public bool ConvertTypes { get; init; } = true;

    /// <summary>
    /// Only names of the source with this prefix are used, with the prefix removed, e.g. <c>module.</c>. Empty: all names unchanged; if they do not fit, and all have the same of the prefixes that training programs add (<c>module.</c>, <c>model.</c>, <c>_orig_mod.</c>, <c>backbone.</c>, also several of them),
    /// they are used without it if then all fit. <see cref="StateDictReport.Prefix"/> is what was used.
    /// </summary>
    public string Prefix { get; init; } = string.Empty;

    /// <summary>Whether a tensor of another shape is resized where the module can: the position embedding of a vision transformer for another image size, and the relative position biases of a Swin transformer for other windows. Otherwise it does not fit.</summary>
    public bool Resize { get; init; }

    /// <summary>Selects names that are excluded from matching on both sides and keep their values, e.g. <c>name => name.StartsWith("head.")</c> for a different number of classes.</summary>
    public Func<string, bool>? Skip { get; init; }
}
