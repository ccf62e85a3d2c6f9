using System.Globalization;
using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Tool.Cli;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Runs;

/// <summary><c>isvit compare</c>: two reports side by side.</summary>
internal static class CompareRun
{
    // Those that differ most; the page has all.
    private const int ShownSites = 12;

    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="first">A report.</param>
    /// <param name="second">Another.</param>
    /// <param name="output">The page to write, or null.</param>
    /// <param name="json">The file of numbers to write, or null.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, string first, string second, string? output, string? json)
    {
        var comparison = ReportComparison.Of(ReportFolder.Open(first), ReportFolder.Open(second));
        console.Out.WriteLine($"first:  {comparison.First}");
        console.Out.WriteLine($"second: {comparison.Second}");
        Write(console, "score", comparison.Scores);
        Write(console, "unit, relative error", comparison.Units);
        WriteFirst(console, "site, relative error", comparison.Sites, "sites whose errors differ most");
        Write(console, "loss around the weights", comparison.Landscape);
        Write(console, "unit, sensitivity", comparison.UnitSensitivities);
        WriteFirst(console, "site, sensitivity", comparison.SiteSensitivities, "sites and bits whose sensitivities differ most");
        Write(console, "milliseconds", comparison.Latencies);
        Write(console, "bytes", comparison.FileBytes);
        Save(console, output, comparison.ToHtml);
        Save(console, json, comparison.ToJson);

        return ExitCode.Success;
    }

    private static void Save(ToolConsole console, string? file, Func<string> text)
    {
        if (file is not null)
        {
            OutputFile.Write(file, text());
            console.Out.WriteLine($"saved {file}");
        }
    }

    private static void WriteFirst(ToolConsole console, string what, IReadOnlyList<ComparedNumber> numbers, string which)
    {
        Write(console, what, [.. numbers.Take(ShownSites)]);
        if (numbers.Count > ShownSites)
        {
            console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"the {ShownSites} of {numbers.Count} {which}"));
        }
    }

    private static void Write(ToolConsole console, string what, IReadOnlyList<ComparedNumber> numbers)
    {
        if (numbers.Count == 0)
        {
            return;
        }

        var table = new ToolTable(what, "first", "second", "difference", "ratio");
        foreach (var number in numbers)
        {
            table.AddRow(number.Name, Text(number.First), Text(number.Second), Text(number.Difference), Text(number.Ratio));
        }

        table.Write(console.Ansi);
    }

    private static string Text(double? number) => number?.ToString("G4", CultureInfo.InvariantCulture) ?? "-";
}
