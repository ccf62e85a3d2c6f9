using System.Globalization;
using System.Text;

namespace IsVit.Detection.Coco;

/// <summary>COCO's scores of some results, each 0 to 1, or -1, as pycocotools has it, where no object counts (none in that range of areas) or the options leave it out.</summary>
/// <remarks>AP: precision averaged over recalls, overlap thresholds and classes; AR: the largest recall averaged over overlap thresholds and classes. Classes without an object that counts are left out of the averages.</remarks>
public sealed class CocoScores
{
    private readonly Dictionary<string, double> _values;

    internal CocoScores(CocoOverlap overlap, IReadOnlyList<KeyValuePair<string, double>> summary, IReadOnlyList<CocoCategoryScores> categories, IReadOnlyList<CocoWarning> warnings)
    {
        (Overlap, Summary, Categories, Warnings) = (overlap, summary, categories, warnings);
        _values = new(summary, StringComparer.Ordinal);
    }

    /// <summary>What the overlap was measured on.</summary>
    public CocoOverlap Overlap { get; }

    /// <summary>Average precision over all overlap thresholds.</summary>
    public double AP => Value(nameof(AP));

    /// <summary>Average precision at overlap 0.5.</summary>
    public double AP50 => Value(nameof(AP50));

    /// <summary>Average precision at overlap 0.75.</summary>
    public double AP75 => Value(nameof(AP75));

    /// <summary>Average precision of small objects (area to 32^2).</summary>
    public double APs => Value(nameof(APs));

    /// <summary>Average precision of medium objects (area 32^2 to 96^2).</summary>
    public double APm => Value(nameof(APm));

    /// <summary>Average precision of large objects (area from 96^2).</summary>
    public double APl => Value(nameof(APl));

    /// <summary>Average recall with one detection a picture and class.</summary>
    public double AR1 => Value(nameof(AR1));

    /// <summary>Average recall with 10 detections a picture and class.</summary>
    public double AR10 => Value(nameof(AR10));

    /// <summary>Average recall with 100 detections a picture and class.</summary>
    public double AR100 => Value(nameof(AR100));

    /// <summary>Average recall of small objects.</summary>
    public double ARs => Value(nameof(ARs));

    /// <summary>Average recall of medium objects.</summary>
    public double ARm => Value(nameof(ARm));

    /// <summary>Average recall of large objects.</summary>
    public double ARl => Value(nameof(ARl));

    /// <summary>All scores by name, in the order of pycocotools' stats; with other options than COCO's, those that these give, such as AR300.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> Summary { get; }

    /// <summary>The scores of each class, by ascending id; none where classes were not used.</summary>
    public IReadOnlyList<CocoCategoryScores> Categories { get; }

    /// <summary>What is suspicious in the results, though pycocotools accepts it. What is in the dataset, it says itself.</summary>
    public IReadOnlyList<CocoWarning> Warnings { get; }

    /// <summary>A table of all scores in percent, one line a score, and one line a class.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(Overlap == CocoOverlap.Boxes ? "boxes, %" : "masks, %");
        foreach (var (name, value) in Summary)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{name,-8}{Percent(value)}");
        }

        if (Categories.Count > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{"AP",7}{"AP50",7}{"AP75",7}{"AR100",7}  class");
        }

        foreach (var scores in Categories)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{Percent(scores.AP)}{Percent(scores.AP50)}{Percent(scores.AP75)}{Percent(scores.AR100)}  {scores.Category.Id} {scores.Category.Name}");
        }

        foreach (var warning in Warnings)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{warning}");
        }

        return text.ToString();
    }

    private static string Percent(double value) => value < 0 ? "      -" : string.Create(CultureInfo.InvariantCulture, $"{value * 100,7:0.00}");

    private double Value(string name) => _values.GetValueOrDefault(name, -1);
}
