using System.Globalization;

namespace IsVit.Benchmarks.Accuracy;

/// <summary>The runs of an ablation, each a line of a CSV file: what was quantized and how, the part left out, the seed, and the scores. More than one process may add to it.</summary>
internal sealed class AblationRuns(string path, string setting)
{
    private const string Header = "model,weight bits,activation bits,effort,without,seed,agreement,squared error,divergence";
    private const char Quote = '"';

    /// <summary>The scores of a run, null where it has not been done.</summary>
    public HeldOutScore? Find(string part, int seed)
    {
        var start = Start(part, seed);
        var line = File.Exists(path) ? File.ReadLines(path).LastOrDefault(line => line.StartsWith(start, StringComparison.Ordinal)) : null;
        if (line is null)
        {
            return null;
        }

        var numbers = Array.ConvertAll(line[start.Length..].Split(','), static text => double.Parse(text, CultureInfo.InvariantCulture));
        return new(numbers[0], numbers[1], numbers[2]);
    }

    /// <summary>Adds a run that is done.</summary>
    public void Add(string part, int seed, HeldOutScore score)
    {
        var header = File.Exists(path) ? "" : Header + Environment.NewLine;
        File.AppendAllText(path, header + Start(part, seed) + FormattableString.Invariant($"{score.Agreement:F2},{score.SquaredError:F4},{score.Divergence:F4}") + Environment.NewLine);
    }

    private string Start(string part, int seed) => FormattableString.Invariant($"{setting},{Quote}{part}{Quote},{seed},");
}
