using IsVit.Optimization.Options;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>How sensitive a model's outputs are to quantizing its sites, one at a time, at each of several bit widths.</summary>
public sealed record SensitivityReport
{
    /// <summary>The recipe whose quantizers were evaluated.</summary>
    public required string Recipe { get; init; }

    /// <summary>Whether divergences are measured or estimated.</summary>
    public required SensitivityMethod Method { get; init; }

    /// <summary>The measure of the divergences.</summary>
    public required OutputMetric Metric { get; init; }

    /// <summary>The number of images that they were determined on.</summary>
    public required int ImageCount { get; init; }

    /// <summary>The requested bit widths, in ascending order. A site also has the bit width of its options, and a pinned site has no other.</summary>
    public required IReadOnlyList<int> Widths { get; init; }

    /// <summary>The sites that the recipe quantizes, in execution order.</summary>
    public required IReadOnlyList<SiteSensitivity> Sites { get; init; }

    /// <summary>The size, in bytes, of the parameters that are not sites: biases, norms, embeddings, weights left in float.</summary>
    public required long OtherParameterBytes { get; init; }

    /// <summary>How long determining the sensitivities took.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>
    /// Whether estimates rank sites and bit widths as measurements do: Spearman's rank correlation of the two over all of them, -1 to 1; null without measurements, or if fewer than two differ.
    /// </summary>
    public double? RankCorrelation
    {
        get
        {
            var measured = Sites.SelectMany(static site => site.Widths).Where(static width => width.Measured is not null).ToList();
            return RankOrder.Correlation([.. measured.Select(static width => width.Measured!.Value)], [.. measured.Select(static width => width.Estimated)]);
        }
    }

    /// <summary>The rank correlation at one bit width, over the sites that were evaluated at it.</summary>
    /// <param name="bits">The number of bits.</param>
    public double? RankCorrelationAt(int bits) => (this with
    {
        Sites = [.. Sites.Select(site => site with { Widths = [.. site.Widths.Where(width => width.Bits == bits)] })],
    }).RankCorrelation;
}
