using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>How sensitive a model's outputs are to quantizing one site, and the quantities that determine the cost of its bits.</summary>
public sealed record SiteSensitivity
{
    /// <summary>The number of bits counted for an operand that stays in float.</summary>
    public const int FloatBits = 32;

    /// <summary>The number of bits counted for the model's own input, such as pixels.</summary>
    public const int ModelInputBits = 8;

    /// <summary>The site.</summary>
    public required Site Site { get; init; }

    /// <summary>The path of the unit that contains the site; null if none does.</summary>
    public string? Unit { get; init; }

    /// <summary>The quantizer that the options assign to the site.</summary>
    public required QuantizerSpec Spec { get; init; }

    /// <summary>Whether an override sets the site's bits, so that they cannot be chosen.</summary>
    public bool IsPinned { get; init; }

    /// <summary>The group of sites that must have the same bits because they share a quantizer: the path of the LayerNorm whose output they read, or the site's own identifier.</summary>
    public required string Group { get; init; }

    /// <summary>The number of elements of the site: those of the weight, or of an activation for one image.</summary>
    public required long Elements { get; init; }

    /// <summary>The number of multiply-accumulates of the site's matrix product for one image; 0 if no module shows them.</summary>
    public long MultiplyAccumulates { get; init; }

    /// <summary>The bits of the product's other operand if that has no quantizer: <see cref="FloatBits"/> or <see cref="ModelInputBits"/>; null if it is a site of the report.</summary>
    public int? OtherOperandBits { get; init; }

    /// <summary>The effect of each bit width, in ascending order.</summary>
    public required IReadOnlyList<WidthSensitivity> Widths { get; init; }

    /// <summary>Whether the site is a weight.</summary>
    public bool IsWeight => Site.Role == SiteRole.Weight;

    /// <summary>Returns the effect of a bit width.</summary>
    /// <param name="bits">The number of bits.</param>
    /// <exception cref="QuantizationException">The bit width was not evaluated.</exception>
    public WidthSensitivity At(int bits) => Widths.FirstOrDefault(width => width.Bits == bits)
        ?? throw new QuantizationException(FormattableString.Invariant($"Site '{Site.Id}' was not looked at with {bits} bits; it was with {string.Join(", ", Widths.Select(static width => width.Bits))}."));
}
