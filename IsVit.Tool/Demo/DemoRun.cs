using System.Diagnostics;
using System.Globalization;
using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Tool.Cli;
using IsVit.Tool.Data;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Progress;
using IsVit.Tool.Reporting;
using IsVit.Tool.Runs;
using Spectre.Console;
using TorchSharp;

namespace IsVit.Tool.Demo;

/// <summary><c>isvit demo</c>: one small model, every method, two bit widths.</summary>
internal static class DemoRun
{
    private const int EvaluationBatch = 250;

    // From the simplest to the paper's, so that every row shows what the next idea buys.
    private static readonly string[] Methods =
    [
        RecipeNames.MinMax, RecipeNames.Percentile, RecipeNames.RepQ, RecipeNames.Neither, RecipeNames.SulqOnly, RecipeNames.SosOnly, RecipeNames.ISVit,
    ];

    private static readonly int[] BitWidths = [4, 3];

    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="cancellationToken">Stops within one step; nothing is saved then.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, DemoArguments arguments, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var assets = DemoAssets.Load(arguments.Assets);
        using var output = OutputFolder.Create(arguments.Output);
        using var test = assets.OpenTest(arguments.TestCount);
        using var calibration = PixelTensor.Normalized(assets.Calibration.AsSpan(0, arguments.CalibrationCount * FashionMnist.Size * FashionMnist.Size), FashionMnist.Size, FashionMnist.Size);
        var (reference, floatBytes) = MeasureFloat(assets, test, cancellationToken);

        var rows = ProgressView.Run(console, "demo", view => QuantizeAll(arguments, assets, calibration, reference, output, view, cancellationToken));
        var folder = output.Commit();
        Write(console, reference.Float, floatBytes, rows);
        console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{arguments.TestCount} test images, {arguments.CalibrationCount} calibration images, {arguments.Iterations} steps a unit and stage; {clock.Elapsed.TotalSeconds:F0} s in all. Models in {folder}"));
        return ExitCode.Success;
    }

    private static (FloatReference Reference, long Bytes) MeasureFloat(DemoAssets assets, IImageSource test, CancellationToken cancellationToken)
    {
        using var model = assets.LoadModel();
        return (FloatReference.Measure(model, test, EvaluationBatch, cancellationToken), SavedModel.FloatBytes(model));
    }

    private static List<DemoRow> QuantizeAll(
        DemoArguments arguments,
        DemoAssets assets,
        torch.Tensor calibration,
        FloatReference reference,
        OutputFolder output,
        IProgress<WorkProgress> view,
        CancellationToken cancellationToken)
    {
        var rows = new List<DemoRow>();
        foreach (var bits in BitWidths)
        {
            foreach (var method in Methods)
            {
                var progress = new DemoProgress(view, $"{method} W{bits}A{bits}", rows.Count, BitWidths.Length * Methods.Length);
                rows.Add(Quantize(arguments, method, bits, assets, calibration, reference, output, progress, cancellationToken));
            }
        }

        return rows;
    }

    private static DemoRow Quantize(
        DemoArguments arguments,
        string method,
        int bits,
        DemoAssets assets,
        torch.Tensor calibration,
        FloatReference reference,
        OutputFolder output,
        DemoProgress progress,
        CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        using var model = assets.LoadModel();
        var quantizer = ModelQuantizer.Create(options =>
        {
            options.Recipe = method;
            options.WeightBits = bits;
            options.ActivationBits = bits;
            options.Seed = arguments.Seed;
            options.Reconstruction.Iterations = arguments.Iterations;
            options.Reconstruction.LearningRate = arguments.LearningRate;
        });
        using var quantized = quantizer.Quantize(model, calibration, new QuantizationRun { Progress = progress }, cancellationToken);
        var seconds = clock.Elapsed.TotalSeconds;
        var result = reference.Evaluate(model, cancellationToken);

        var path = output.PathOf(method == RecipeNames.ISVit ? $"{ModelCatalog.Demo}_w{bits}a{bits}.safetensors" : "size.tmp");
        var bytes = new SavedModel(ModelCatalog.Demo, model.ClassCount, 1, method, bits, bits, arguments.Seed).Write(quantized, path);
        if (method != RecipeNames.ISVit)
        {
            File.Delete(path);
        }

        return new DemoRow(method, bits, result, bytes, seconds);
    }

    private static void Write(ToolConsole console, EvaluationResult reference, long floatBytes, List<DemoRow> rows)
    {
        var table = ReportTable.NewTable("method", "bits", "top-1 %", "agreement %", "logits error", "size MB", "seconds");
        table.AddRow("float", "32/32", ReportTable.Figure(reference.Top1, "F2"), "-", "-", ReportTable.Megabytes(floatBytes), "-");
        var bits = 0;
        foreach (var row in rows)
        {
            if (row.Bits != bits)
            {
                table.AddEmptyRow();
                bits = row.Bits;
            }

            table.AddRow(
                Markup.Escape(row.Method),
                $"{row.Bits}/{row.Bits}",
                ReportTable.Figure(row.Result.Top1, "F2"),
                ReportTable.Figure(row.Result.Agreement, "F2"),
                ReportTable.Figure(row.Result.LogitsMse, "G4"),
                ReportTable.Megabytes(row.Bytes),
                ReportTable.Figure(row.Seconds, "F1"));
        }

        console.Ansi.Write(table);
    }

    private sealed record DemoRow(string Method, int Bits, EvaluationResult Result, long Bytes, double Seconds);
}
