using IsVit.Core.Graph;
using IsVit.Core.Quantization;

namespace IsVit.Optimization;

/// <summary>Another quantizer for the sites of some modules: "blocks.*.mlp.fc1" at 8 bits, "head" not at all.</summary>
public sealed record SiteOverride
{
    /// <summary>The modules' paths, see <see cref="PathPattern"/>.</summary>
    public string Pattern { get; set; } = "";

    /// <summary>Which operand; null for all.</summary>
    public SiteOperand? Operand { get; set; }

    /// <summary>Whether the sites are quantized at all.</summary>
    public bool Quantize { get; set; } = true;

    /// <summary>The number of bits, 2 to 8; null to leave it.</summary>
    public int? Bits { get; set; }

    /// <summary>The quantizer's scheme; null to leave it.</summary>
    public string? Scheme { get; set; }

    internal bool Fits(Site site) => (Operand is null || Operand == site.Operand) && new PathPattern(Pattern).IsMatch(site.Path);

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

        if (Scheme is not null && string.IsNullOrWhiteSpace(Scheme))
        {
            throw new OptionsException($"{name}.{nameof(Scheme)} is empty; expected a quantizer's scheme, or null to leave it.");
        }
    }
}
