using System.Diagnostics;
using System.Globalization;
using IsVit.Core.Graph;
using IsVit.Detection.Coco;
using IsVit.Detection.Drawing;
using IsVit.Detection.Models;
using IsVit.Detection.Quantization;
using IsVit.Detection.Scenes;
using IsVit.Detection.Training;
using IsVit.Onnx;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Tool.Data;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Progress;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using Spectre.Console;
using TorchSharp;

namespace IsVit.Tool.Demo;

/// <summary>The part of <c>isvit demo</c> that quantizes the small detector, in several ways, and draws what it finds before and after.</summary>
/// <param name="arguments">What was asked for.</param>
/// <param name="assets">The detector and the images.</param>
/// <param name="output">Where the quantized detector and the picture go.</param>
internal sealed class DetectorDemo(DemoArguments arguments, DemoAssets assets, OutputFolder output)
{
    /// <summary>The methods, in the order of the table.</summary>
    public static IReadOnlyList<string> Methods { get; } = [RecipeNames.MinMax, RecipeNames.Percentile, RecipeNames.RepQ, RecipeNames.ISVit];

    // Twice as many as the literature takes for detectors.
    private const int CalibrationCount = 64;
    private const int BatchSize = 8;
    private const int Bits = 4;
    private const int DrawnFewest = 4;
    private const double DrawnScore = 0.5;
    private const string PictureFile = DetectorCatalog.Demo + ".png";
    private static readonly string s_name = string.Create(CultureInfo.InvariantCulture, $"{DetectorCatalog.Demo}_w{Bits}a{Bits}");

    private readonly List<Row> _rows = [];

    private int CalibrationSceneCount => Math.Min(CalibrationCount, arguments.CalibrationCount);

    /// <summary>Quantizes and measures.</summary>
    /// <param name="progress">Shows one run.</param>
    /// <param name="cancellationToken">Stops within one step.</param>
    public void Run(Func<string, DemoProgress> progress, CancellationToken cancellationToken)
    {
        var scenes = DemoScenes.Test(assets.Test, arguments.SceneCount);
        var evaluation = new SceneEvaluation(scenes, FashionMnist.Classes);
        using var calibration = SceneBatches.Input(DemoScenes.Calibration(assets.Calibration, CalibrationSceneCount, arguments.Seed));
        var shown = scenes.FirstOrDefault(static scene => scene.Objects.Count >= DrawnFewest) ?? scenes[0];
        using var detector = assets.LoadDetector();
        _rows.Add(Row.Of("float", RunDescription.FloatBits, RunDescription.FloatBytes(detector), null, evaluation.Measure(detector, cancellationToken)));
        var before = Draw(detector, shown);
        using var samples = DetectorSamples.Collect(detector, [calibration], new DetectorSampleOptions { BoxRegions = 32, MaskRegions = 8, BatchSize = 8 }, cancellationToken);
        foreach (var method in Methods)
        {
            var clock = Stopwatch.StartNew();
            using var model = assets.LoadDetector();
            var quantizer = ModelQuantizer.Create(options =>
            {
                (options.Recipe, options.WeightBits, options.ActivationBits, options.Seed) = (method, Bits, Bits, arguments.Seed);
                (options.Reconstruction.Iterations, options.Reconstruction.BatchSize, options.OutputTuning.Steps) = (arguments.Iterations, BatchSize, 3 * arguments.Iterations);
            });
            using var quantized = quantizer.Quantize(ModelForward.Of(model), samples, new QuantizationRun { Progress = progress($"{DetectorCatalog.Demo} {method} W{Bits}A{Bits}") }, cancellationToken);
            var seconds = clock.Elapsed.TotalSeconds;
            var isKept = method == RecipeNames.ISVit;
            var description = new RunDescription(DetectorCatalog.Demo, model.ClassCount, Crop: null, method, Bits, Bits, arguments.Seed);
            var bytes = isKept ? description.Write(quantized, output.PathOf($"{s_name}.safetensors")) : description.Measure(quantized);
            _rows.Add(Row.Of(method, Bits, bytes, seconds, evaluation.Measure(model, cancellationToken)));
            if (isKept)
            {
                OnnxExport.Save(quantized, output.PathOf($"{s_name}.onnx"), new() { DetectorPreprocessing = DetectorCatalog.Find(DetectorCatalog.Demo).Preprocessing });
                DetectionPicture.SideBySide(before, Draw(model, shown), "float", $"{method} W{Bits}A{Bits}").Save(output.PathOf(PictureFile));
            }
        }
    }

    /// <summary>Writes the table.</summary>
    public void Write(ToolConsole console)
    {
        var table = new ToolTable("method", "bits", "box AP", "box AP50", "mask AP", "mask AP50", "size MB", "seconds");
        foreach (var row in _rows)
        {
            table.AddRow(
                row.Method,
                $"{row.Bits}/{row.Bits}",
                Percent(row.Boxes.AP),
                Percent(row.Boxes.AP50),
                Percent(row.Masks.AP),
                Percent(row.Masks.AP50),
                ReportTable.Megabytes(row.Bytes),
                row.Seconds is { } seconds ? ReportTable.Figure(seconds, "F1") : "-");
        }

        console.Out.WriteLine(DetectorCatalog.Demo);
        table.Write(console.Ansi);
        console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{arguments.SceneCount} test scenes, {CalibrationSceneCount} calibration scenes; {PictureFile} shows one scene in float and at W{Bits}A{Bits}"));
    }

    private static string Percent(double share) => ReportTable.Figure(DetectionScores.Percent(share), "F2");

    private static DetectionPicture Draw(Detector detector, Scene scene)
    {
        using var noGrad = torch.no_grad();
        using var input = SceneBatches.Input([scene]);
        using var found = detector.call(input)[0];
        return DetectionPicture.Draw(scene.Rgb, scene.Width, scene.Height, DrawnObject.Of(found, FashionMnist.Classes, DrawnScore));
    }

    private sealed record Row(string Method, int Bits, long Bytes, double? Seconds, CocoScores Boxes, CocoScores Masks)
    {
        public static Row Of(string method, int bits, long bytes, double? seconds, (CocoScores Boxes, CocoScores Masks) scores) => new(method, bits, bytes, seconds, scores.Boxes, scores.Masks);
    }
}
