using IsVit.Optimization.Options;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>How much a model's outputs mind that its sites are quantized, one at a time, at each of some bit widths.</summary>
public sealed record SensitivityReport
{
    /// <summary>The recipe whose quantizers were looked at.</summary>
    public required string Recipe { get; init; }

    /// <summary>Whether divergences are measured or estimated.</summary>
    public required SensitivityMethod Method { get; init; }

    /// <summary>What divergences are of.</summary>
    public required OutputMetric Metric { get; init; }

    /// <summary>On how many images they were found out.</summary>
    public required int ImageCount { get; init; }

    /// <summary>The bit widths that were asked for, from few bits to many. A site has that of its options as well, and one that is pinned has no other.</summary>
    public required IReadOnlyList<int> Widths { get; init; }

    /// <summary>The sites that the recipe quantizes, in the order in which their modules run.</summary>
    public required IReadOnlyList<SiteSensitivity> Sites { get; init; }

    /// <summary>What the model's parameters take that are no sites, in bytes: biases, norms, embeddings, weights left in float.</summary>
    public required long OtherParameterBytes { get; init; }

    /// <summary>How long it took.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>
    /// Whether estimates order sites and widths as measurements do: the rank correlation (Spearman's) of the two over all of them, -1 to 1; null without measurements, or where fewer than two differ.
    /// </summary>
    public double? RankCorrelation
    {
        get
        {
            var measured = Sites.SelectMany(static site => site.Widths).Where(static width => width.Measured is not null).ToList();
            return RankOrder.Correlation([.. measured.Select(static width => width.Measured!.Value)], [.. measured.Select(static width => width.Estimated)]);
        }
    }

    /// <summary>The same at one bit width, over the sites that were looked at with it.</summary>
    /// <param name="bits">The number of bits.</param>
    public double? RankCorrelationAt(int bits) => (this with
    {
        Sites = [.. Sites.Select(site => site with { Widths = [.. site.Widths.Where(width => width.Bits == bits)] })],
    }).RankCorrelation;
}
