using System.Globalization;
using System.Text;
using System.Text.Json;
using IsVit.Cluster.Hosting;
using IsVit.Cluster.Jobs;
using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Tool.Reporting;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Sweeps;

/// <summary>What came of a sweep, as files: each run's model and report, and one table of all.</summary>
/// <param name="client">The cluster.</param>
/// <param name="folder">The folder of the results.</param>
internal sealed class SweepResults(JobClient client, string folder)
{
    /// <summary>The page's file.</summary>
    public const string PageFile = "index.html";

    /// <summary>The files of the table without their endings.</summary>
    public const string TableFile = "results";

    private static readonly (string Name, Func<SweepRow, object?> Of)[] s_columns =
    [
        ("run", static row => row.Name),
        ("model", static row => row.Model),
        ("method", static row => row.Method),
        ("weight_bits", static row => row.WeightBits),
        ("activation_bits", static row => row.ActivationBits),
        ("seed", static row => row.Seed),
        ("score", static row => row.Score),
        ("float_score", static row => row.FloatScore),
        ("logits_mse", static row => row.LogitsMse),
        ("model_bytes", static row => row.ModelBytes),
        ("float_bytes", static row => row.FloatBytes),
        ("seconds", static row => row.Seconds),
        ("worker", static row => row.Worker),
        ("tries", static row => row.Tries),
        ("error", static row => row.Error),
    ];

    /// <summary>The folder of a run.</summary>
    /// <param name="folder">The folder of the results.</param>
    /// <param name="run">The run.</param>
    public static string FolderOf(string folder, SweepRunPlan run) => Path.Combine(folder, "runs", run.Name);

    /// <summary>Copies a run's files.</summary>
    /// <param name="run">The run, which is done.</param>
    /// <param name="cancellationToken">Stops the copy.</param>
    public async Task CopyAsync(RunState run, CancellationToken cancellationToken)
    {
        var target = FolderOf(folder, run.Plan);
        Directory.CreateDirectory(target);
        foreach (var file in run.Last.Result!.Files.Where(static file => file.Name is QuantizeRun.ModelFile or QuantizeJobRunner.ReportFile))
        {
            await client.CopyAsync(file, Path.Combine(target, file.Name), cancellationToken);
        }
    }

    /// <summary>Writes the table as Markdown, CSV and JSON, and as a page.</summary>
    /// <param name="title">What the page is called.</param>
    /// <param name="runs">The runs.</param>
    /// <returns>The page's path.</returns>
    public string Write(string title, IReadOnlyList<RunState> runs)
    {
        var detects = false;
        var rows = new List<SweepRow>();
        foreach (var run in runs)
        {
            var report = run.Last.State == JobState.Done ? Read(Path.Combine(FolderOf(folder, run.Plan), QuantizeJobRunner.ReportFile)) : null;
            detects |= report?.Detection is not null;
            rows.Add(Row(run, report));
        }

        var sweep = new SweepReport { Title = title, ScoreName = detects ? "box AP" : "top-1 %", Rows = rows, Run = [new("program", QuantizeJobRunner.Version), new("threads of a run", runs[0].Jobs[0].Job.Threads.ToString(CultureInfo.InvariantCulture))] };
        Directory.CreateDirectory(folder);
        OutputFile.Write(Path.Combine(folder, $"{TableFile}.json"), sweep.ToJson());
        OutputFile.Write(Path.Combine(folder, $"{TableFile}.csv"), Csv(sweep));
        OutputFile.Write(Path.Combine(folder, $"{TableFile}.md"), Markdown(sweep));
        var page = Path.Combine(folder, PageFile);
        OutputFile.Write(page, sweep.ToHtml());
        return page;
    }

    private static QuantizationJson? Read(string path) => JsonSerializer.Deserialize(File.ReadAllText(path), QuantizationJsonContext.Default.QuantizationJson);

    private static SweepRow Row(RunState run, QuantizationJson? report)
    {
        string Option(string name) => run.Plan.Options.GetValueOrDefault(name) ?? "";
        return new SweepRow(run.Plan.Name, report?.Model ?? Option("model"), report?.Method ?? Option("method"), report?.WeightBits, report?.ActivationBits, report?.Seed)
        {
            Score = report?.Detection is { } detection ? detection.Quantized?.Boxes.GetValueOrDefault("AP") : report?.Top1,
            FloatScore = report?.Detection is { } found ? found.Float?.Boxes.GetValueOrDefault("AP") : report?.FloatTop1,
            LogitsMse = report?.LogitsMse,
            ModelBytes = report?.ModelBytes,
            FloatBytes = report?.FloatBytes,
            Seconds = run.Last.Result?.Seconds,
            Worker = run.Last.Result?.Worker,
            Tries = run.Last.Tries,
            Error = run.Last.State == JobState.Done ? null : run.Last.Error ?? run.Last.State.ToString().ToLowerInvariant(),
        };
    }

    private static string Text(object? value) => value switch
    {
        null => "",
        double number => number.ToString("0.####", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static string Csv(SweepReport sweep)
    {
        static string Cell(string text) => text.AsSpan().IndexOfAny(",\"\r\n") >= 0 ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
        var csv = new StringBuilder().AppendJoin(',', s_columns.Select(static column => column.Name)).Append('\n');
        foreach (var row in sweep.Rows)
        {
            csv.AppendJoin(',', s_columns.Select(column => Cell(Text(column.Of(row))))).Append('\n');
        }

        return csv.ToString();
    }

    private static string Markdown(SweepReport sweep)
    {
        var columns = s_columns.Where(column => sweep.Rows.Any(row => column.Of(row) is not null and not "")).ToList();
        var markdown = new StringBuilder().Append(CultureInfo.InvariantCulture, $"# {sweep.Title}\n\nThe score is {sweep.ScoreName}.\n\n");
        markdown.Append("| ").AppendJoin(" | ", columns.Select(static column => column.Name.Replace('_', ' '))).Append(" |\n|").Append(string.Concat(Enumerable.Repeat("---|", columns.Count))).Append('\n');
        foreach (var row in sweep.Rows)
        {
            markdown.Append("| ").AppendJoin(" | ", columns.Select(column => Text(column.Of(row)).ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");
        }

        return markdown.ToString();
    }
}
