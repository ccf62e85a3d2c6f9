namespace IsVit.Reports.Contents;

/// <summary>What two reports tell of the same things.</summary>
public sealed record ReportComparison
{
    private static readonly (string Name, Func<LossLandscape, double> Value)[] s_landscape =
    [
        ("the weights, before stage 2", static plane => plane.MiddleBefore),
        ("the weights, after stage 2", static plane => plane.MiddleAfter),
        ("mean over the plane, before stage 2", static plane => LossLandscape.Mean(plane.Before)),
        ("mean over the plane, after stage 2", static plane => LossLandscape.Mean(plane.After)),
    ];

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

    /// <summary>How much the outputs change when the sites of one unit are quantized, each alone with the bits that the options give it: the sum, in the order in which units run. None where the reports have it of other metrics.</summary>
    public required IReadOnlyList<ComparedNumber> UnitSensitivities { get; init; }

    /// <summary>How much they change when one site is quantized with so many bits, those first that differ by the largest factor; names are <c>site, 3 bits</c>. None where the reports have it of other metrics.</summary>
    public required IReadOnlyList<ComparedNumber> SiteSensitivities { get; init; }

    /// <summary>The loss of a unit around its weights: at the weights and on average over the plane, before stage 2 and after it. None where the reports looked at other units.</summary>
    public required IReadOnlyList<ComparedNumber> Landscape { get; init; }

    /// <summary>The first report's losses of a unit around its weights; null if it has none.</summary>
    public LossLandscape? FirstLandscape { get; init; }

    /// <summary>The second report's.</summary>
    public LossLandscape? SecondLandscape { get; init; }

    /// <summary>The milliseconds that batches take; names are <c>format, images at once</c>.</summary>
    public required IReadOnlyList<ComparedNumber> Latencies { get; init; }

    /// <summary>The bytes of the files that latencies are of, by format.</summary>
    public required IReadOnlyList<ComparedNumber> FileBytes { get; init; }

    /// <summary>What differs: facts of the runs, how sensitivities and losses around weights were measured, and quantizers of sites, as <c>scheme, bits, granularity</c>.</summary>
    public required IReadOnlyList<ComparedText> Differences { get; init; }

    /// <summary>Compares two reports.</summary>
    /// <param name="first">One.</param>
    /// <param name="second">The other.</param>
    public static ReportComparison Of(ModelReport first, ModelReport second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var sensitivities = Comparable(first.Sensitivity, second.Sensitivity, static part => part.Metric);
        var planes = Comparable(first.Landscape, second.Landscape, static part => part.Unit);
        return new()
        {
            First = first.Title,
            Second = second.Title,
            Scores = Numbers(first.Scores, second.Scores, static score => score.Name, static score => score.QuantizedModel),
            Units = Numbers(first.Units, second.Units, static unit => unit.Unit, static unit => unit.RelativeError),
            Sites = [.. Numbers(first.Sites, second.Sites, static site => site.Site, static site => site.RelativeError).Where(static site => site.First is not null || site.Second is not null).OrderByDescending(static site => site.Distance)],
            Stages = Numbers(first.Stages, second.Stages, static stage => stage.Name, static stage => stage.Seconds),
            UnitSensitivities = Numbers(UnitsOf(sensitivities.First), UnitsOf(sensitivities.Second), static unit => unit.Name, static unit => unit.Value),
            SiteSensitivities = [.. Numbers(WidthsOf(sensitivities.First), WidthsOf(sensitivities.Second), static width => width.Name, static width => width.Value).OrderByDescending(static site => site.Distance)],
            Landscape = planes == (null, null) ? [] : [.. s_landscape.Select(row => new ComparedNumber(row.Name, Of(planes.First, row.Value), Of(planes.Second, row.Value)))],
            FirstLandscape = first.Landscape,
            SecondLandscape = second.Landscape,
            Latencies = Numbers(first.Latencies, second.Latencies, static row => FormattableString.Invariant($"{row.Format}, {row.BatchSize} at once"), static row => row.Milliseconds),
            FileBytes = Numbers(first.Latencies, second.Latencies, static row => row.Format, static row => row.Bytes),
            Differences =
            [
                .. Texts(first.Run, second.Run, static fact => fact.Name, static fact => fact.Value),
                .. Ways(first.Sensitivity, second.Sensitivity, "sensitivities", static way => FormattableString.Invariant($"{way.Metric}, {way.Method} on {way.ImageCount} images with the quantizers of '{way.Recipe}'")),
                .. Ways(first.Landscape, second.Landscape, "loss around the weights", static way => FormattableString.Invariant($"{way.Unit}, {way.SampleCount} samples, {way.Steps.Count} points up to {way.Steps[^1]:R}")),
                .. Texts(first.Sites, second.Sites, static site => site.Site, static site => FormattableString.Invariant($"{site.Scheme}, {site.Bits} bits, {site.Granularity}")),
            ],
        };
    }

    // Numbers of other things are not set beside each other.
    private static (T? First, T? Second) Comparable<T>(T? first, T? second, Func<T, string> what)
        where T : class => first is null || second is null || what(first) == what(second) ? (first, second) : default;

    private static double? Of(LossLandscape? plane, Func<LossLandscape, double> value) => plane is null ? null : value(plane);

    private static IEnumerable<NamedNumber> UnitsOf(ReportedSensitivity? sensitivity) => (sensitivity?.Units ?? []).Select(static unit => new NamedNumber(unit.Unit, unit.Divergence));

    private static IEnumerable<NamedNumber> WidthsOf(ReportedSensitivity? sensitivity) =>
        (sensitivity?.Sites ?? []).SelectMany(static site => site.Widths, static (site, width) => new NamedNumber(FormattableString.Invariant($"{site.Site}, {width.Bits} bits"), width.Divergence));

    private static IEnumerable<ComparedText> Ways<T>(T? first, T? second, string name, Func<T, string> text)
        where T : class => first is null || second is null ? [] : Texts([first], [second], _ => name, text);

    private static List<ComparedNumber> Numbers<T>(IEnumerable<T> first, IEnumerable<T> second, Func<T, string> name, Func<T, double?> value)
        where T : class =>
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

    private sealed record NamedNumber(string Name, double Value);
}
