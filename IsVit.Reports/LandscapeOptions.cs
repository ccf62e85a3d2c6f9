namespace IsVit.Reports;

/// <summary>How a unit's loss is looked at around its weights, see <see cref="ReportOptions.Landscape"/>.</summary>
public sealed record LandscapeOptions
{
    /// <summary>The unit's path; null for the one whose output has the largest relative error before stage 2, among those that stage 2 changes.</summary>
    public string? Unit { get; init; }

    /// <summary>The points along each of the two directions, an odd number of 3 or more. The unit runs their square times, before and after stage 2.</summary>
    public int Points { get; init; } = 15;

    /// <summary>How far to go, positive: weights are changed by as much as this times their size.</summary>
    public double Radius { get; init; } = 0.5;

    /// <summary>The most samples that the loss is computed on, 1 or more; the first ones.</summary>
    public int SampleCount { get; init; } = 4;

    internal IReadOnlyList<double> Steps => [.. Enumerable.Range(-(Points / 2), Points).Select(step => Radius * step / (Points / 2))];

    internal void Validate()
    {
        if (Points < 3 || Points % 2 == 0)
        {
            throw new ArgumentOutOfRangeException(nameof(Points), Points, FormattableString.Invariant($"{nameof(LandscapeOptions)}.{nameof(Points)} is {Points}; expected an odd number of 3 or more."));
        }

        if (!(Radius > 0 && double.IsFinite(Radius)))
        {
            throw new ArgumentOutOfRangeException(nameof(Radius), Radius, FormattableString.Invariant($"{nameof(LandscapeOptions)}.{nameof(Radius)} is {Radius}; expected a positive number."));
        }

        if (SampleCount < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(SampleCount), SampleCount, FormattableString.Invariant($"{nameof(LandscapeOptions)}.{nameof(SampleCount)} is {SampleCount}; expected 1 or more."));
        }
    }
}
