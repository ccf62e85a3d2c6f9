using System.Text.Json.Serialization;

namespace IsVit.Reports.Contents;

/// <summary>How much a model's outputs change when this site alone is quantized.</summary>
public sealed record SiteDivergence
{
    /// <summary>The site's identifier.</summary>
    public required string Site { get; init; }

    /// <summary>The path of the unit that contains it; null if none does.</summary>
    public string? Unit { get; init; }

    /// <summary>What flows there.</summary>
    public required string Role { get; init; }

    /// <summary>The quantizer's scheme.</summary>
    public required string Scheme { get; init; }

    /// <summary>The bits that the options give it.</summary>
    public required int Bits { get; init; }

    /// <summary>How many numbers it has, for one image.</summary>
    public required long Elements { get; init; }

    /// <summary>What each number of bits does, ascending.</summary>
    public required IReadOnlyList<BitsDivergence> Widths { get; init; }

    /// <summary>What the options' bits do.</summary>
    [JsonIgnore]
    public double Divergence => At(Bits)?.Divergence ?? 0;

    /// <summary>What a number of bits does; null if it was not looked at.</summary>
    /// <param name="bits">The bits.</param>
    public BitsDivergence? At(int bits) => Widths.FirstOrDefault(width => width.Bits == bits);
}
