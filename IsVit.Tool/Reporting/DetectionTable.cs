using IsVit.Detection.Coco;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Terminal;
using Spectre.Console;

namespace IsVit.Tool.Reporting;

/// <summary>A detector's scores for people.</summary>
internal static class DetectionTable
{
    /// <summary>Writes a run's stages.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="report">The report.</param>
    public static void WriteStages(IAnsiConsole console, QuantizationJson report)
    {
        var stages = new ToolTable("stage", "seconds", "box AP %", "mask AP %");
        foreach (var stage in report.Stages)
        {
            stages.AddRow(stage.Name, ReportTable.Figure(stage.Seconds, "F1"), ReportTable.Figure(stage.BoxAP, "F2"), ReportTable.Figure(stage.MaskAP, "F2"));
        }

        stages.Write(console);
    }

    /// <summary>Writes the results of the detectors that were measured.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="report">The report; it has a part for detectors.</param>
    /// <param name="isQuantized">Whether there is a quantized detector.</param>
    public static void WriteResults(IAnsiConsole console, QuantizationJson report, bool isQuantized = true)
    {
        var results = new ToolTable("model", "box AP %", "box AP50 %", "mask AP %", "mask AP50 %", "size MB", "images/s", "seconds", "memory MB");
        AddRow("float", report.Detection!.Float, report.FloatBytes, isTotal: !isQuantized);
        if (isQuantized)
        {
            AddRow(ReportTable.Title(report), report.Detection.Quantized, report.ModelBytes, isTotal: true);
        }

        results.Write(console);

        void AddRow(string name, DetectorScoresJson? scores, long bytes, bool isTotal) => results.AddRow(
            name,
            ReportTable.Figure(scores?.Boxes[nameof(CocoScores.AP)], "F2"),
            ReportTable.Figure(scores?.Boxes[nameof(CocoScores.AP50)], "F2"),
            ReportTable.Figure(scores?.Masks[nameof(CocoScores.AP)], "F2"),
            ReportTable.Figure(scores?.Masks[nameof(CocoScores.AP50)], "F2"),
            ReportTable.Megabytes(bytes),
            ReportTable.Figure(scores?.ImagesPerSecond, "G3"),
            ReportTable.Figure(isTotal ? report.TotalSeconds : null, "F1"),
            ReportTable.Figure(isTotal ? report.PeakMemoryMb : null, "F0"));
    }

    /// <summary>Writes pycocotools' twelve numbers for boxes and for masks.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="name">Whose they are.</param>
    /// <param name="scores">The scores.</param>
    /// <param name="perClass">Whether those of each class follow.</param>
    public static void WriteScores(ToolConsole console, string name, DetectionScores scores, bool perClass)
    {
        foreach (var part in (CocoScores[])[scores.Boxes, scores.Masks])
        {
            // A line for the heading, one for each score, and then the classes.
            var lines = part.ToString().Split('\n');
            console.Out.WriteLine($"{name}: {string.Join(console.Out.NewLine, perClass ? lines : lines.Take(1 + part.Summary.Count))}");
        }
    }
}
