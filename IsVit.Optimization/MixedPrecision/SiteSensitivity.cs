using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>How much a model's outputs mind that one site is quantized, and what the site's bits cost.</summary>
public sealed record SiteSensitivity
{
    /// <summary>The bits that stand for an operand that stays in float.</summary>
    public const int FloatBits = 32;

    /// <summary>The bits that stand for the model's own input, pixels say.</summary>
    public const int ModelInputBits = 8;

    /// <summary>The site.</summary>
    public required Site Site { get; init; }

    /// <summary>The quantizer that the options give the site.</summary>
    public required QuantizerSpec Spec { get; init; }

    /// <summary>Whether an override gives the site its bits, which then are no one else's to choose.</summary>
    public bool IsPinned { get; init; }

    /// <summary>A name for the sites that must have the same bits, for they share a quantizer: the LayerNorm whose output they read, or the site's own identifier.</summary>
    public required string Group { get; init; }

    /// <summary>How many numbers the site has: those of the weight, or of an activation for one image.</summary>
    public required long Elements { get; init; }

    /// <summary>The multiply-accumulate steps of the site's matrix product for one image; 0 where no module shows them.</summary>
    public long MultiplyAccumulates { get; init; }

    /// <summary>The bits of the product's other operand if that has no quantizer: <see cref="FloatBits"/> or <see cref="ModelInputBits"/>; null if it is a site of the report.</summary>
    public int? OtherOperandBits { get; init; }

    /// <summary>What each bit width does, from few bits to many.</summary>
    public required IReadOnlyList<WidthSensitivity> Widths { get; init; }

    /// <summary>Whether the site is a weight.</summary>
    public bool IsWeight => Site.Role == SiteRole.Weight;

    /// <summary>What a bit width does.</summary>
    /// <param name="bits">The number of bits.</param>
    /// <exception cref="QuantizationException">It was not looked at.</exception>
    public WidthSensitivity At(int bits) => Widths.FirstOrDefault(width => width.Bits == bits)
        ?? throw new QuantizationException(FormattableString.Invariant($"Site '{Site.Id}' was not looked at with {bits} bits; it was with {string.Join(", ", Widths.Select(static width => width.Bits))}."));
}
