using IsVit.Optimization.Reporting;

namespace IsVit.Tests.Optimization;

/// <summary>What can be said of reconstructions whose few steps do not serve every unit.</summary>
internal static class UnitAssert
{
    private const double LeastShare = 0.25;

    /// <summary>Steps made a good part of the units better. That none is worse holds by construction, for the state before is kept then.</summary>
    public static void SomeImproved(IEnumerable<UnitResult> units)
    {
        var stepped = units.Where(static unit => unit.Iterations > 0).ToList();
        var improved = stepped.Count(static unit => unit.LossAfter < unit.LossBefore);
        Assert.True(improved > 0 && improved >= LeastShare * stepped.Count, $"{improved} of {stepped.Count} units are better: {string.Join(", ", stepped)}");
    }
}
