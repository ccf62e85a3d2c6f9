namespace IsVit.Reports.Contents;

/// <summary>The runs of a sweep beside each other.</summary>
public sealed record SweepReport
{
    /// <summary>What the page is called.</summary>
    public required string Title { get; init; }

    /// <summary>What <see cref="SweepRow.Score"/> is, such as <c>top-1 %</c>; larger is better.</summary>
    public required string ScoreName { get; init; }

    /// <summary>The runs.</summary>
    public required IReadOnlyList<SweepRow> Rows { get; init; }

    /// <summary>What was swept, and on what.</summary>
    public IReadOnlyList<ReportFact> Run { get; init; } = [];
}
