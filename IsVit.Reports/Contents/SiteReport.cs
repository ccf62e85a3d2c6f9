namespace IsVit.Reports.Contents;

/// <summary>A site: the numbers that its quantizer reads, and what it makes of them.</summary>
public sealed record SiteReport
{
    /// <summary>The site's identifier, such as <c>blocks.0.mlp.fc1:input</c>.</summary>
    public required string Site { get; init; }

    /// <summary>What flows there, such as <c>PostSoftmax</c>.</summary>
    public required string Role { get; init; }

    /// <summary>The quantizer's scheme.</summary>
    public required string Scheme { get; init; }

    /// <summary>The bits of a code.</summary>
    public required int Bits { get; init; }

    /// <summary>Over what scales or levels are shared, such as <c>tensor</c> or <c>channel:0</c>.</summary>
    public required string Granularity { get; init; }

    /// <summary>The smallest number.</summary>
    public required double Minimum { get; init; }

    /// <summary>The largest number.</summary>
    public required double Maximum { get; init; }

    /// <summary>How many numbers lie in each of equally wide intervals from <see cref="Minimum"/> to <see cref="Maximum"/>.</summary>
    public required IReadOnlyList<long> Histogram { get; init; }

    /// <summary>The levels that the numbers were rounded to, ascending; empty where each channel has levels of its own.</summary>
    public IReadOnlyList<double> Levels { get; init; } = [];

    /// <summary>The share of the numbers that each of <see cref="Levels"/> was used for.</summary>
    public IReadOnlyList<double> LevelShares { get; init; } = [];

    /// <summary>The share of the numbers beyond the outermost levels by more than half of the step beside them; null where each channel has levels of its own.</summary>
    public double? ClippedShare { get; init; }

    /// <summary>The squared error of rounding, divided by the numbers' mean square; null for weights, whose float values are gone.</summary>
    public double? RelativeError { get; init; }
}
