namespace IsVit.Optimization.MixedPrecision;

/// <summary>Sites that get the same bits, and the bits that they may get.</summary>
/// <param name="Sites">The sites.</param>
/// <param name="Widths">The bits; one alone where an override gives them.</param>
internal sealed record SiteGroup(IReadOnlyList<SiteSensitivity> Sites, IReadOnlyList<int> Widths)
{
    /// <summary>The groups of a report's sites, in its order.</summary>
    /// <param name="report">The report.</param>
    /// <param name="widths">The bits that sites may get.</param>
    /// <param name="keeps">Which sites keep the bits that their options give.</param>
    public static List<SiteGroup> Of(SensitivityReport report, IReadOnlyList<int> widths, Func<SiteSensitivity, bool> keeps) =>
    [
        .. report.Sites.GroupBy(static site => site.Group, StringComparer.Ordinal)
            .Select(group => new SiteGroup([.. group], group.FirstOrDefault(site => site.IsPinned || keeps(site)) is { } kept ? [kept.Spec.Bits.Bits] : widths)),
    ];

    /// <summary>The divergence of the sites' outputs together: errors of different sites are taken to be unrelated.</summary>
    public double Divergence(int bits) => Sites.Sum(site => site.At(bits).Divergence);
}
