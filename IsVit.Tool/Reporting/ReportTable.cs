using System.Globalization;
using Spectre.Console;

namespace IsVit.Tool.Reporting;

/// <summary>A report for people.</summary>
internal static class ReportTable
{
    /// <summary>Writes stages and results.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="report">The report.</param>
    /// <param name="agreement">Percent of images with the float model's first class, or null.</param>
    public static void Write(IAnsiConsole console, QuantizationJson report, double? agreement)
    {
        if (report.Detection is not null)
        {
            DetectionTable.WriteStages(console, report);
            DetectionTable.WriteResults(console, report);
            return;
        }

        var stages = new ToolTable("stage", "seconds", "top-1 %");
        foreach (var stage in report.Stages)
        {
            stages.AddRow(stage.Name, Figure(stage.Seconds, "F1"), Figure(stage.Top1, "F2"));
        }

        stages.Write(console);
        WriteResults(console, report, agreement);
    }

    /// <summary>Writes the float and the quantized model's results.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="report">The report.</param>
    /// <param name="agreement">Percent of images with the float model's first class, or null.</param>
    public static void WriteResults(IAnsiConsole console, QuantizationJson report, double? agreement)
    {
        var results = new ToolTable("model", "top-1 %", "top-5 %", "agreement %", "logits error", "size MB", "seconds", "memory MB");
        results.AddRow("float", Figure(report.FloatTop1, "F2"), Figure(report.FloatTop5, "F2"), Figure(null, "F2"), Figure(null, "G4"), Megabytes(report.FloatBytes), Figure(null, "F1"), Figure(null, "F0"));
        results.AddRow(
            Title(report),
            Figure(report.Top1, "F2"),
            Figure(report.Top5, "F2"),
            Figure(agreement, "F2"),
            Figure(report.LogitsMse, "G4"),
            Megabytes(report.ModelBytes),
            Figure(report.TotalSeconds, "F1"),
            Figure(report.PeakMemoryMb, "F0"));
        results.Write(console);
    }

    /// <summary>What the quantized model is called: its method and bits.</summary>
    /// <param name="report">The report.</param>
    public static string Title(QuantizationJson report) => report.Budget is { } budget ? $"{report.Method} {budget}" : $"{report.Method} W{report.WeightBits}A{report.ActivationBits}";

    /// <summary>A figure, or a dash where there is none.</summary>
    /// <param name="value">The figure.</param>
    /// <param name="format">Its format.</param>
    public static string Figure(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";

    /// <summary>Bytes in units of 10^6.</summary>
    /// <param name="bytes">The bytes.</param>
    public static string Megabytes(long bytes) => Figure(bytes / 1e6, "F2");
}
