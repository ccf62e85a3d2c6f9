namespace IsVit.Reports.Contents;

/// <summary>How much a model's outputs change when one site alone is quantized.</summary>
public sealed record ReportedSensitivity
{
    /// <summary>The recipe whose quantizers were looked at.</summary>
    public required string Recipe { get; init; }

    /// <summary>Whether it was measured or estimated.</summary>
    public required string Method { get; init; }

    /// <summary>What divergences are of.</summary>
    public required string Metric { get; init; }

    /// <summary>On how many images.</summary>
    public required int ImageCount { get; init; }

    /// <summary>The sites, in the order in which they run.</summary>
    public required IReadOnlyList<SiteDivergence> Sites { get; init; }

    /// <summary>The sum over the sites of each unit, in the order in which they run; sites outside of units are left out.</summary>
    internal IEnumerable<(string Unit, double Divergence)> Units => Sites.Where(static site => site.Unit is not null)
        .GroupBy(static site => site.Unit!, StringComparer.Ordinal).Select(static unit => (unit.Key, unit.Sum(static site => site.Divergence)));
}
