namespace IsVit.Detection.Coco;

/// <summary>What <see cref="CocoEvaluator"/> scores. The defaults are COCO's.</summary>
public sealed record CocoEvaluationOptions
{
    private readonly IReadOnlyList<double> _iouThresholds = Linear(.5, .95, 10);
    private readonly IReadOnlyList<double> _recallThresholds = Linear(0, 1, 101);
    private readonly IReadOnlyList<int> _maxDetections = [1, 10, 100];
    private readonly IReadOnlyList<CocoAreaRange> _areaRanges =
    [
        new("all", 0, 1e5 * 1e5),
        new("small", 0, 32 * 32),
        new("medium", 32 * 32, 96 * 96),
        new("large", 96 * 96, 1e5 * 1e5),
    ];

    /// <summary>The overlaps from which a detection is right, above 0 to 1, ascending; 0.5, 0.55, ... 0.95 by default, in the doubles of numpy's linspace.</summary>
    /// <exception cref="ArgumentException">There is none, or they are not in that range or not ascending.</exception>
    public IReadOnlyList<double> IouThresholds
    {
        get => _iouThresholds;
        init => _iouThresholds = Ascending(value, static t => t is > 0 and <= 1, nameof(IouThresholds), "numbers above 0 to 1");
    }

    /// <summary>The recalls at which precision is taken, 0 to 1, ascending; 0, 0.01, ... 1 by default.</summary>
    /// <exception cref="ArgumentException">There is none, or they are not in that range or not ascending.</exception>
    public IReadOnlyList<double> RecallThresholds
    {
        get => _recallThresholds;
        init => _recallThresholds = Ascending(value, static t => t is >= 0 and <= 1, nameof(RecallThresholds), "numbers from 0 to 1");
    }

    /// <summary>How many detections of a picture and class, best first, are looked at for each of the average recalls; at least 1 each, ascending; 1, 10 and 100 by default. The last holds for all other scores.</summary>
    /// <exception cref="ArgumentException">There is none, or they are not in that range or not ascending.</exception>
    public IReadOnlyList<int> MaxDetections
    {
        get => _maxDetections;
        init => _maxDetections = Ascending(value, static n => n >= 1, nameof(MaxDetections), "whole numbers from 1");
    }

    /// <summary>The ranges of areas; the first is that of the scores without a range's name. By default all, small (to 32^2), medium (32^2 to 96^2), large (from 96^2), to 10^10.</summary>
    /// <exception cref="ArgumentException">There is none, or one has no name, the name of another, or a maximum below its minimum.</exception>
    public IReadOnlyList<CocoAreaRange> AreaRanges
    {
        get => _areaRanges;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Count == 0 || value.Any(static range => string.IsNullOrEmpty(range.Name) || !(range.Minimum <= range.Maximum)) || value.Select(static range => range.Suffix).Distinct(StringComparer.Ordinal).Count() < value.Count)
            {
                throw new ArgumentException($"AreaRanges is {string.Join(", ", value)}; allowed is one range at least, each with a name of its own and a maximum from its minimum.");
            }

            _areaRanges = [.. value];
        }
    }

    /// <summary>Whether detections are matched with objects of their class only (useCats); on by default. Off, all classes are taken as one.</summary>
    public bool UseCategories { get; init; } = true;

    // As numpy computes it.
    private static double[] Linear(double first, double last, int count)
    {
        var step = (last - first) / (count - 1);
        var numbers = new double[count];
        for (var i = 0; i < count - 1; i++)
        {
            numbers[i] = (i * step) + first;
        }

        numbers[^1] = last;
        return numbers;
    }

    private static T[] Ascending<T>(IReadOnlyList<T> values, Func<T, bool> isAllowed, string name, string allowed)
        where T : IComparable<T>
    {
        ArgumentNullException.ThrowIfNull(values);
        var inOrder = values.Count > 0 && values.All(isAllowed) && values.Zip(values.Skip(1)).All(static pair => pair.First.CompareTo(pair.Second) < 0);
        return inOrder ? [.. values] : throw new ArgumentException($"{name} is {string.Join(", ", values.Select(static v => FormattableString.Invariant($"{v}")))}; allowed is one number at least, {allowed}, ascending.");
    }
}
