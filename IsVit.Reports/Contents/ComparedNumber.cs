namespace IsVit.Reports.Contents;

/// <summary>A number that two reports may have.</summary>
/// <param name="Name">What it is.</param>
/// <param name="First">The first report's; null where it has none.</param>
/// <param name="Second">The second report's.</param>
public sealed record ComparedNumber(string Name, double? First, double? Second)
{
    /// <summary>The second minus the first; null where one is missing.</summary>
    public double? Difference => Second - First;

    /// <summary>The second divided by the first; null where one is missing.</summary>
    public double? Ratio => Second / First;

    /// <summary>How far the ratio is from 1, the same for a half as for a double: |ln ratio|; 0 where there is none.</summary>
    public double Distance => Ratio is > 0 and < double.PositiveInfinity and var ratio ? Math.Abs(Math.Log(ratio)) : 0;
}
