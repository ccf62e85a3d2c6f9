namespace IsVit.Reports.Contents;

/// <summary>What two reports tell of the same things.</summary>
public sealed record ReportComparison
{
    private ReportComparison()
    {
    }

    /// <summary>The first report's title.</summary>
    public required string First { get; init; }

    /// <summary>The second report's title.</summary>
    public required string Second { get; init; }

    /// <summary>The quantized models' scores.</summary>
    public required IReadOnlyList<ComparedNumber> Scores { get; init; }

    /// <summary>The relative errors of units' outputs, in the order in which they run.</summary>
    public required IReadOnlyList<ComparedNumber> Units { get; init; }

    /// <summary>The relative errors of sites, those first whose errors differ by the largest factor.</summary>
    public required IReadOnlyList<ComparedNumber> Sites { get; init; }

    /// <summary>The seconds of stages.</summary>
    public required IReadOnlyList<ComparedNumber> Stages { get; init; }

    /// <summary>What differs: facts of the runs, and quantizers of sites, as <c>scheme, bits, granularity</c>.</summary>
    public required IReadOnlyList<ComparedText> Differences { get; init; }

    /// <summary>Compares two reports.</summary>
    /// <param name="first">One.</param>
    /// <param name="second">The other.</param>
    public static ReportComparison Of(ModelReport first, ModelReport second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        return new()
        {
            First = first.Title,
            Second = second.Title,
            Scores = Numbers(first.Scores, second.Scores, static score => score.Name, static score => score.QuantizedModel),
            Units = Numbers(first.Units, second.Units, static unit => unit.Unit, static unit => unit.RelativeError),
            Sites = [.. Numbers(first.Sites, second.Sites, static site => site.Site, static site => site.RelativeError).Where(static site => site.First is not null || site.Second is not null).OrderByDescending(static site => site.Distance)],
            Stages = Numbers(first.Stages, second.Stages, static stage => stage.Name, static stage => stage.Seconds),
            Differences =
            [
                .. Texts(first.Run, second.Run, static fact => fact.Name, static fact => fact.Value),
                .. Texts(first.Sites, second.Sites, static site => site.Site, static site => FormattableString.Invariant($"{site.Scheme}, {site.Bits} bits, {site.Granularity}")),
            ],
        };
    }

    private static List<ComparedNumber> Numbers<T>(IEnumerable<T> first, IEnumerable<T> second, Func<T, string> name, Func<T, double?> value) =>
        [.. Pairs(first, second, name).Select(pair => new ComparedNumber(pair.Name, pair.First is { } a ? value(a) : null, pair.Second is { } b ? value(b) : null))];

    private static IEnumerable<ComparedText> Texts<T>(IEnumerable<T> first, IEnumerable<T> second, Func<T, string> name, Func<T, string> value) => Pairs(first, second, name)
        .Select(pair => new ComparedText(pair.Name, pair.First is { } a ? value(a) : null, pair.Second is { } b ? value(b) : null))
        .Where(static text => !string.Equals(text.First, text.Second, StringComparison.Ordinal));

    // In the first's order, and behind it what the second alone has.
    private static IEnumerable<(string Name, T? First, T? Second)> Pairs<T>(IEnumerable<T> first, IEnumerable<T> second, Func<T, string> name)
    {
        var (left, right) = (first.ToLookup(name, StringComparer.Ordinal), second.ToLookup(name, StringComparer.Ordinal));
        return left.Select(static group => group.Key).Union(right.Select(static group => group.Key), StringComparer.Ordinal).Select(key => (key, left[key].FirstOrDefault(), right[key].FirstOrDefault()));
    }
}
