using System.Diagnostics;
using IsVit.Core.Graph;
using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Core.Samples;
using IsVit.Optimization.Reporting;
using IsVit.Reports.Contents;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using TorchSharp;

namespace IsVit.Tool.Workloads;

/// <summary>A classifier, scored by the accuracy of its answers.</summary>
internal sealed class ClassifierWorkload : IWorkload
{
    private readonly QuantizeArguments _arguments;
    private readonly ModelPreset _preset;
    private readonly IReadOnlyList<string>? _classes;
    private readonly ImageList _calibrationFiles;
    private readonly ImageList? _testFiles;
    private readonly ImageLoaderOptions _loading;
    private readonly ImageClassifier _model;
    private IImageSource? _test;
    private FloatReference? _reference;

    /// <summary>Looks up files and loads the model.</summary>
    /// <param name="console">Where skipped images are named.</param>
    /// <param name="arguments">What was asked for.</param>
    public ClassifierWorkload(ToolConsole console, QuantizeArguments arguments)
    {
        _arguments = arguments;
        if (arguments.Model is { } name)
        {
            ModelInput.Find(name);
        }

        _calibrationFiles = ImageInput.Calibration(arguments.Calibration, arguments.CalibrationCount);
        using var source = ModelInput.Open(arguments.Weights, arguments.Pretrained, arguments.ClassCount, console.Out);
        _preset = source.Preset(arguments.Preparation);
        _classes = source.Description.Classes;
        if (_preset.Options.ClassCount == 0 && (arguments.Labels ?? arguments.Images) is { } test)
        {
            throw new ToolException($"{test}: the model has no head and outputs features, which test images cannot score; leave out --labels and --images.");
        }

        _testFiles = ImageInput.Test(arguments.Images, arguments.Labels, _preset.Options.ClassCount);
        _loading = ImageInput.Loading(arguments.SkipUnreadable, console.Error);
        _model = source.Load();
        try
        {
            _model.to(arguments.Device);
            ImageInput.RequireLabelsInRange(_testFiles, _model.ClassCount);
        }
        catch
        {
            _model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Name => _preset.Name;

    /// <inheritdoc/>
    public bool OutputsFeatures => !_model.HasHead;

    /// <inheritdoc/>
    public ModelForward Model => ModelForward.Of(_model);

    /// <inheritdoc/>
    public string Images => ImageInput.Describe(_calibrationFiles.Count, _arguments.CalibrationCount, _testFiles?.Count ?? 0);

    /// <inheritdoc/>
    public int TestCount => _testFiles?.Count ?? 0;

    /// <inheritdoc/>
    public TimeSpan TestDuration { get; private set; }

    /// <inheritdoc/>
    public EvaluationResult? MeasureFloat(CancellationToken cancellationToken)
    {
        if (_testFiles is null)
        {
            return null;
        }

        _test = ImageInput.OpenForRepeatedUse(_testFiles, _preset.Preprocessing, _loading, cancellationToken);
        var clock = Stopwatch.StartNew();
        _reference = FloatReference.Measure(_model, _test, _arguments.BatchSize, cancellationToken);
        TestDuration = clock.Elapsed;
        return _reference.Float;
    }

    /// <inheritdoc/>
    public EvaluationResult Measure(CancellationToken cancellationToken) => _reference!.Evaluate(_model, cancellationToken);

    /// <inheritdoc/>
    public InMemorySamples ReadCalibration(CancellationToken cancellationToken) => ImageInput.Load(_calibrationFiles, _preset.Preprocessing, _loading, _arguments.Device, cancellationToken);

    /// <inheritdoc/>
    public InMemorySamples? ReadShown(int count, CancellationToken cancellationToken) =>
        _testFiles is null ? null : ImageInput.Load(_testFiles.Take(Math.Min(count, _testFiles.Count)), _preset.Preprocessing, _loading, _arguments.Device, cancellationToken);

    /// <inheritdoc/>
    public IReadOnlyList<ReportFact> HashInputs() =>
    [
        InputHashes.OfFile("weights", _arguments.Weights),
        InputHashes.OfImages("calibration images", _arguments.Calibration, _calibrationFiles),
        .. _testFiles is null ? [] : (ReportFact[])[InputHashes.OfImages("test images", _arguments.Images ?? _arguments.Labels!, _testFiles)],
    ];

    /// <inheritdoc/>
    public IReadOnlyList<string>? ClassNames => _classes is { Count: > 0 } known ? known : _testFiles?.ClassNames is { Count: > 0 } names ? names : null;

    /// <inheritdoc/>
    public bool IsLeftInFloat(string path) => false;

    /// <inheritdoc/>
    public RunDescription Describe(QuantizationReport run) =>
        new(_preset.Name, _model.ClassCount, _preset.Preprocessing.CropFraction, _arguments.Method, _arguments.WeightBits, run.ActivationBits, _arguments.Seed) { Shape = _preset, Classes = _classes };

    /// <inheritdoc/>
    public DetectionJson? Report(EvaluationResult? reference, EvaluationResult result) => null;

    /// <inheritdoc/>
    public void Dispose()
    {
        (_test as IDisposable)?.Dispose();
        _model.Dispose();
    }
}
