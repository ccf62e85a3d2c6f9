using System.Globalization;
using System.Text;
using IsVit.Tool.Evaluation;

namespace IsVit.Tool.Reporting;

/// <summary>Answers of a classifier as a CSV (RFC 4180).</summary>
internal static class PredictionCsv
{
    private static readonly char[] s_quoted = [',', '"', '\r', '\n'];

    /// <summary>The file's text: a header, and a line for each class of each image.</summary>
    /// <param name="predictions">The answers.</param>
    /// <param name="names">The classes' names; null if they are not known.</param>
    public static string Text(IReadOnlyList<Prediction> predictions, IReadOnlyList<string>? names)
    {
        var besideFloat = predictions.Any(static one => one.FloatProbability is not null);
        var text = new StringBuilder("file,rank,class,name,probability").Append(besideFloat ? ",float_probability\n" : "\n");
        foreach (var one in predictions)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Quoted(one.Path)},{one.Rank},{one.Class},{Quoted(names?[one.Class] ?? "")},{one.Probability:F6}");
            if (besideFloat)
            {
                text.Append(CultureInfo.InvariantCulture, $",{one.FloatProbability:F6}");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    private static string Quoted(string cell) => cell.IndexOfAny(s_quoted) < 0 ? cell : $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
