using System.Globalization;
using System.Text.Json;

namespace IsVit.Benchmarks.Guard;

/// <summary>What a ratio must be.</summary>
/// <param name="AtLeast">The least factor by which the subject is faster than the baseline; null where it may cost something.</param>
/// <param name="AtMost">The most that the subject may cost, in times of the baseline; null where it must be faster.</param>
internal sealed record Threshold(double? AtLeast, double? AtMost)
{
    private const string ResourceName = "thresholds.json";
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);

    /// <summary>The committed thresholds by the names of the checks.</summary>
    public static Dictionary<string, Threshold> Read()
    {
        using var stream = typeof(Threshold).Assembly.GetManifestResourceStream(ResourceName) ?? throw new InvalidOperationException($"The assembly lacks its resource '{ResourceName}'.");
        var thresholds = JsonSerializer.Deserialize<Dictionary<string, Threshold>>(stream, s_json)!;
        foreach (var (name, threshold) in thresholds)
        {
            if (threshold.AtLeast is null == threshold.AtMost is null)
            {
                throw new InvalidDataException($"{ResourceName}: '{name}' has {(threshold.AtLeast is null ? "neither of" : "both")} atLeast and atMost; expected one.");
            }
        }

        return thresholds;
    }

    /// <summary>The ratio as the threshold speaks of it.</summary>
    /// <param name="baseline">The baseline's time.</param>
    /// <param name="subject">The subject's time.</param>
    public double Ratio(double baseline, double subject) => AtLeast is null ? subject / baseline : baseline / subject;

    /// <summary>Whether a ratio is good enough.</summary>
    public bool Holds(double ratio) => AtLeast is { } least ? ratio >= least : ratio <= AtMost;

    /// <summary>Whether a ratio is so near the line that noise could move it across.</summary>
    public bool IsNear(double ratio)
    {
        const double Margin = 1.2;
        var line = AtLeast ?? AtMost!.Value;
        return ratio < line * Margin && ratio > line / Margin;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(AtLeast is null ? "<=" : ">=")} {AtLeast ?? AtMost}");
}
