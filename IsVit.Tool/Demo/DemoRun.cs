using System.Diagnostics;
using System.Globalization;
using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Onnx;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Tool.Cli;
using IsVit.Tool.Data;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Progress;
using IsVit.Tool.Reporting;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;
using Spectre.Console;
using TorchSharp;

namespace IsVit.Tool.Demo;

/// <summary><c>isvit demo</c>: the small models, by every method, at several bit widths.</summary>
internal sealed class DemoRun
{
    private const int EvaluationBatch = 250;

    // From the simplest to the paper's, so that every row shows what the next idea buys.
    private static readonly string[] Methods =
    [
        RecipeNames.MinMax, RecipeNames.Percentile, RecipeNames.RepQ, RecipeNames.Baseline, RecipeNames.SulqOnly, RecipeNames.SosOnly, RecipeNames.ISVit,
    ];

    private readonly DemoArguments _arguments;
    private readonly DemoAssets _assets;
    private readonly OutputFolder _output;
    private readonly torch.Tensor _calibration;
    private readonly IImageSource _test;
    private readonly CancellationToken _cancellationToken;
    private int _runsDone;

    private DemoRun(DemoArguments arguments, DemoAssets assets, OutputFolder output, torch.Tensor calibration, IImageSource test, CancellationToken cancellationToken)
    {
        _arguments = arguments;
        _assets = assets;
        _output = output;
        _calibration = calibration;
        _test = test;
        _cancellationToken = cancellationToken;
    }

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
        var run = new DemoRun(arguments, assets, output, calibration, test, cancellationToken);
        var detection = assets.HasDetector ? new DetectorDemo(arguments, assets, output) : null;
        var results = ProgressView.Run(console, "demo", view =>
        {
            var compared = assets.Models.Select(model => run.Compare(model, view)).ToList();
            detection?.Run(name => run.Progress(view, name), cancellationToken);
            return compared;
        });
        var folder = output.Commit();
        results.ForEach(result => Write(console, result));
        detection?.Write(console);
        console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{arguments.TestCount} test images, {arguments.CalibrationCount} calibration images, {arguments.Iterations} iterations per unit and stage; {clock.Elapsed.TotalSeconds:F0} s in all. Models in {folder}"));
        return ExitCode.Success;
    }

    private DemoResult Compare(DemoModel which, IProgress<WorkProgress> view)
    {
        using var model = _assets.LoadModel(which);
        var reference = FloatReference.Measure(model, _test, EvaluationBatch, _cancellationToken);
        var rows = from bits in which.BitWidths from method in Methods select Quantize(which, method, bits, reference, view);
        return new DemoResult(which, reference.Float, RunDescription.FloatBytes(model), rows.ToList());
    }

    private DemoRow Quantize(DemoModel which, string method, int bits, FloatReference reference, IProgress<WorkProgress> view)
    {
        var clock = Stopwatch.StartNew();
        var progress = Progress(view, $"{which.Name} {method} W{bits}A{bits}");
        using var model = _assets.LoadModel(which);
        var quantizer = ModelQuantizer.Create(options =>
        {
            options.Recipe = method;
            options.WeightBits = bits;
            options.ActivationBits = bits;
            options.Seed = _arguments.Seed;
            options.Reconstruction.Iterations = _arguments.Iterations;
            options.OutputTuning.Steps = 3 * _arguments.Iterations;
        });
        using var quantized = quantizer.Quantize(model, _calibration, new QuantizationRun { Progress = progress }, _cancellationToken);
        var seconds = clock.Elapsed.TotalSeconds;
        var result = reference.Evaluate(model, _cancellationToken);

        var path = _output.PathOf(method == RecipeNames.ISVit ? $"{which.Name}_w{bits}a{bits}.safetensors" : "size.tmp");
        var bytes = new RunDescription(which.Name, model.ClassCount, 1, method, bits, bits, _arguments.Seed).Write(quantized, path);
        if (method != RecipeNames.ISVit)
        {
            File.Delete(path);
        }

        return new DemoRow(method, bits, result, bytes, seconds, method == RecipeNames.ISVit ? Export(which, bits, quantized, model) : null);
    }

    private DemoProgress Progress(IProgress<WorkProgress> view, string name) =>
        new(view, name, _runsDone++, (_assets.Models.Sum(static model => model.BitWidths.Count) * Methods.Length) + (_assets.HasDetector ? DetectorDemo.Methods.Count : 0));

    // As ONNX, and what ONNX Runtime makes of it beside what this library does.
    private DemoExport Export(DemoModel which, int bits, QuantizedModel quantized, ImageClassifier model)
    {
        var name = $"{which.Name}_w{bits}a{bits}.onnx";
        OnnxExport.Save(quantized, _output.PathOf(name), new() { Preprocessing = ModelCatalog.Find(which.Name).Preprocessing, Metadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["isvit.model"] = which.Name } });
        using var onnx = OnnxClassifier.Open(_output.PathOf(name));
        var (here, there) = (Logits.Collect(model, _test, EvaluationBatch, _cancellationToken), Logits.Collect(onnx, _test, EvaluationBatch, _cancellationToken));
        return new DemoExport(name, new FileInfo(_output.PathOf(name)).Length, Accuracy.Agreement(here, there), Accuracy.MeanSquaredError(here, there));
    }

    private static void Write(ToolConsole console, DemoResult result)
    {
        var table = new ToolTable("method", "bits", "top-1 %", "agreement %", "logits error", "size MB", "seconds");
        table.AddRow("float", "32/32", ReportTable.Figure(result.Float.Top1, "F2"), "-", "-", ReportTable.Megabytes(result.FloatBytes), "-");
        var bits = 0;
        foreach (var row in result.Rows)
        {
            if (row.Bits != bits)
            {
                table.AddLine();
                bits = row.Bits;
            }

            table.AddRow(
                row.Method,
                $"{row.Bits}/{row.Bits}",
                ReportTable.Figure(row.Result.Top1, "F2"),
                ReportTable.Figure(row.Result.Agreement, "F2"),
                ReportTable.Figure(row.Result.LogitsMse, "G4"),
                ReportTable.Megabytes(row.Bytes),
                ReportTable.Figure(row.Seconds, "F1"));
        }

        console.Out.WriteLine(result.Model.Name);
        table.Write(console.Ansi);
        foreach (var export in result.Rows.Select(static row => row.Export).OfType<DemoExport>())
        {
            console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{export.Name}, {export.Bytes / 1e6:F2} MB: ONNX Runtime answers as this library does for {export.Agreement:F2} % of the test images; mean squared difference of the logits {export.Difference:G3}"));
        }
    }

    private sealed record DemoResult(DemoModel Model, EvaluationResult Float, long FloatBytes, IReadOnlyList<DemoRow> Rows);

    private sealed record DemoRow(string Method, int Bits, EvaluationResult Result, long Bytes, double Seconds, DemoExport? Export);

    private sealed record DemoExport(string Name, long Bytes, double Agreement, double Difference);
}
