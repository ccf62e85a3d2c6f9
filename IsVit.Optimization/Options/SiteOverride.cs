using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Model.Quantization;

namespace IsVit.Optimization.Options;

/// <summary>
/// A different quantizer for the sites of some modules: "blocks.*.mlp.fc1" at 8 bits, "head" not quantized at all. Of several overrides that match a site, the last one decides whether it is quantized, and the last one that
/// sets bits, scheme or granularity decides that property.
/// </summary>
public sealed record SiteOverride
{
    /// <summary>The modules' paths as a pattern, see <see cref="PathPattern"/>.</summary>
    public string Pattern { get; set; } = "";

    /// <summary>The operand that the override applies to; null for all.</summary>
    public SiteOperand? Operand { get; set; }

    /// <summary>Whether the sites are quantized at all.</summary>
    public bool Quantize { get; set; } = true;

    /// <summary>The number of bits, 2 to 8; null to keep it.</summary>
    public int? Bits { get; set; }

    /// <summary>The quantizer's scheme; null to keep it. A model's input, which recipes leave in float, is quantized if a scheme is given, and <see cref="SiteOperand.Input"/> as the operand.</summary>
    public string? Scheme { get; set; }

    /// <summary>
    /// Which elements share a scale: <c>tensor</c>, or <c>channel:AXIS</c> in the notation of <see cref="IsVit.Model.Quantization.Granularity"/>; null to keep it.
    /// A linear layer's input has its channels on axis -1, a convolution's on axis 1.
    /// </summary>
    public string? Granularity { get; set; }

    // A pattern without wildcards is one path, and there may be one for every site.
    internal bool Fits(Site site) =>
        (Operand is null || Operand == site.Operand) && (Pattern.Contains('*', StringComparison.Ordinal) ? new PathPattern(Pattern).IsMatch(site.Path) : Pattern == site.Path);

    internal void Validate(string name)
    {
        if (string.IsNullOrWhiteSpace(Pattern))
        {
            throw new OptionsException($"{name}.{nameof(Pattern)} is empty; expected a module path such as 'blocks.*.mlp.fc1'.");
        }

        if (Bits is { } bits)
        {
            OptionRange.Require($"{name}.{nameof(Bits)}", bits, BitWidth.Minimum, BitWidth.Maximum);
        }

        if (Operand is { } operand)
        {
            OptionRange.RequireDefined($"{name}.{nameof(Operand)}", operand);
        }

        if (Granularity is not null && !IsVit.Model.Quantization.Granularity.TryParse(Granularity, out _))
        {
            throw new OptionsException($"{name}.{nameof(Granularity)} is '{Granularity}'; expected 'tensor', 'channel:AXIS', or null to leave it.");
        }

        if (Scheme is not null && string.IsNullOrWhiteSpace(Scheme))
        {
            throw new OptionsException($"{name}.{nameof(Scheme)} is empty; expected a quantizer's scheme, or null to leave it.");
        }
    }
}
