using IsVit.Core.Graph;
using IsVit.Core.Imaging;
using IsVit.Core.Samples;
using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Detection.Quantization;
using IsVit.Optimization.Reporting;
using IsVit.Reports.Contents;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Workloads;

/// <summary>A detector, calibrated on its float model's regions and scored by what it finds in images with COCO's annotations.</summary>
internal sealed class DetectorWorkload : IWorkload
{
    private readonly QuantizeArguments _arguments;
    private readonly DetectorSource _source;
    private readonly ImageList _calibrationFiles;
    private readonly CocoImages? _test;
    private readonly ImageLoaderOptions _loading;
    private readonly Detector _detector;

    /// <summary>Looks up files and loads the detector. Without a number of classes it is that of the annotations, if there are any.</summary>
    /// <param name="console">Where skipped images are named, and warnings go.</param>
    /// <param name="arguments">What was asked for.</param>
    public DetectorWorkload(ToolConsole console, QuantizeArguments arguments)
    {
        _arguments = arguments;
        _calibrationFiles = ImageInput.Calibration(arguments.Calibration, arguments.CalibrationCount);
        _loading = ImageInput.Loading(arguments.SkipUnreadable, console.Error);
        _test = arguments.Coco is { } annotations ? CocoImages.Open(annotations, arguments.Images, arguments.TestCount, _loading, console.Warn) : null;
        _source = DetectorSource.OfWeights(arguments.Model!, arguments.Weights, arguments.ClassCount ?? _test?.ClassCount);
        _test?.RequireClasses(_source.ClassCount);
        _detector = _source.Load(arguments.Device).Detector;
    }

    /// <inheritdoc/>
    public string Name => _source.Preset.Name;

    /// <inheritdoc/>
    public bool OutputsFeatures => false;

    /// <inheritdoc/>
    public ModelForward Model => ModelForward.Of(_detector);

    /// <inheritdoc/>
    public string Images => ImageInput.Describe(_calibrationFiles.Count, _arguments.CalibrationCount, _test?.Count ?? 0);

    /// <inheritdoc/>
    public int TestCount => _test?.Count ?? 0;

    /// <inheritdoc/>
    public TimeSpan TestDuration { get; private set; }

    /// <inheritdoc/>
    public EvaluationResult? MeasureFloat(CancellationToken cancellationToken)
    {
        if (_test is null)
        {
            return null;
        }

        var result = Measure(cancellationToken);
        TestDuration = result.Detection!.Duration;
        return result;
    }

    /// <inheritdoc/>
    public EvaluationResult Measure(CancellationToken cancellationToken) =>
        EvaluationResult.None with { Detection = _test!.Measure(_detector, _source.Preset.Preprocessing, _arguments.Device, cancellationToken) };

    /// <inheritdoc/>
    public InMemorySamples ReadCalibration(CancellationToken cancellationToken)
    {
        var inputs = new List<DetectorInput>();
        try
        {
            foreach (var file in _calibrationFiles)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (DetectorImages.TryRead(file.Path, _source.Preset.Preprocessing, _arguments.Device, _loading) is { } input)
                {
                    inputs.Add(input);
                }
            }

            return DetectorSamples.Collect(_detector, inputs, new DetectorSampleOptions { BoxRegions = _arguments.BoxRegions, MaskRegions = _arguments.MaskRegions }, cancellationToken);
        }
        finally
        {
            inputs.ForEach(static input => input.Dispose());
        }
    }

    /// <summary>Whether a module is one that the detector declares to be ignored, such as the transposed convolution of a mask head.</summary>
    /// <inheritdoc/>
    public InMemorySamples? ReadShown(int count, CancellationToken cancellationToken) => null;

    /// <inheritdoc/>
    public IReadOnlyList<ReportFact> HashInputs() =>
    [
        InputHashes.OfFile("weights", _arguments.Weights),
        InputHashes.OfImages("calibration images", _arguments.Calibration, _calibrationFiles),
        .. _arguments.Coco is null ? [] : (ReportFact[])[InputHashes.OfFile("annotations", _arguments.Coco)],
    ];

    /// <inheritdoc/>
    public IReadOnlyList<string>? ClassNames => null;

    /// <inheritdoc/>
    public bool IsLeftInFloat(string path) => _detector.DeclareIgnored().Any(pattern => new PathPattern(pattern).IsMatch(path));

    /// <inheritdoc/>
    public RunDescription Describe(QuantizationReport run) =>
        new(_source.Preset.Name, _source.ClassCount, Crop: null, _arguments.Method, _arguments.WeightBits, run.ActivationBits, _arguments.Seed);

    /// <inheritdoc/>
    public DetectionJson? Report(EvaluationResult? reference, EvaluationResult result) => DetectionJson.Of(reference?.Detection, result.Detection);

    /// <inheritdoc/>
    public void Dispose() => _detector.Dispose();
}
