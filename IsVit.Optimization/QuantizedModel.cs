using IsVit.Core.Coverage;
using IsVit.Core.Graph;
using IsVit.Core.Html;
using IsVit.Core.Models;
using IsVit.Core.Quantization;
using IsVit.Core.Samples;
using IsVit.Model.Files;
using IsVit.Model.Quantization;
using IsVit.Model.Saved;
using IsVit.Model.Statistics;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Drift;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Saving;
using IsVit.Optimization.Telemetry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using static TorchSharp.torch;

namespace IsVit.Optimization;

/// <summary>A quantized model: the caller's module with quantizers attached, and the report of the run that produced it.</summary>
[TypeFormatterSource(typeof(QuantizedModelFormatter))]
public sealed class QuantizedModel : IDisposable
{
    private readonly object _mode = new();
    private readonly bool _ownsModel;

    internal QuantizedModel(GraphAttachment attachment, QuantizationReport? report, CalibrationStatistics? calibrationStatistics, bool ownsModel = false)
    {
        _ownsModel = ownsModel;
        Attachment = attachment;
        Description = QuantizedModelFile.Describe(attachment.Graph.Model);
        Report = report;
        CalibrationStatistics = calibrationStatistics;
        StayInEvaluation();
    }

    /// <summary>The module that was passed in, with quantized weights; call it as before. For a module with another signature use <see cref="Forward"/>.</summary>
    /// <exception cref="InvalidOperationException">The module does not map one tensor to one tensor.</exception>
    public nn.Module<Tensor, Tensor> Model => Forward.Module as nn.Module<Tensor, Tensor>
        ?? throw new InvalidOperationException($"The model is a {Forward.Module.GetType().Name}, which is no module from one tensor to one tensor; use {nameof(Forward)}.{nameof(ModelForward.Module)}, or {nameof(Predict)} with a {nameof(SampleBatch)}.");

    /// <summary>The module, whatever its signature, together with how a batch is passed through it.</summary>
    public ModelForward Forward => Attachment.Graph.Forward;

    /// <summary>The sites and their quantizers.</summary>
    public GraphAttachment Attachment { get; }

    /// <summary>The sites whose numbers are codes of their quantizers: all that is quantized, and nothing that is off or was only calibrated.</summary>
    internal IEnumerable<SiteBinding> QuantizedSites => Attachment.Bindings.Where(static binding => binding.Quantizer.IsCalibrated && (binding.IsWeight || binding.State == SiteState.Quantized));

    /// <summary>The report of the run; null for a model that was loaded.</summary>
    public QuantizationReport? Report { get; }

    /// <summary>
    /// Statistics of the activation quantizers' inputs on the calibration images. Null if the model quantizes no activations, had fewer than
    /// <see cref="CalibrationStatistics.MinimumCalibrationImageCount"/> calibration images, or was loaded from a file that has none.
    /// </summary>
    public CalibrationStatistics? CalibrationStatistics { get; }

    /// <summary>
    /// The description of the model that a saved file contains: its architecture with its sizes if it is an <see cref="ImageClassifier"/>, otherwise null. Set a name, the preprocessing of its images and the names
    /// of its classes to include them in the file.
    /// </summary>
    public ModelDescription? Description { get; set; }

    /// <summary>Runs a batch through the quantized model, without gradients, in evaluation mode, in which the model remains. Several threads may call it at the same time.</summary>
    /// <param name="images">A batch as the model takes it.</param>
    /// <returns>The model's output.</returns>
    public Tensor Predict(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        var outputs = Predict(new SampleBatch(images));
        if (outputs is [var only])
        {
            return only;
        }

        var count = outputs.Count;
        foreach (var output in outputs)
        {
            output.Dispose();
        }

        throw new InvalidOperationException(FormattableString.Invariant($"The model gives {count} tensors, not one; call {nameof(Predict)} with a {nameof(SampleBatch)}."));
    }

    /// <summary>Runs a batch through a quantized model of any inputs and outputs, in the same way as the other overload.</summary>
    /// <param name="batch">A tensor for each of the model's inputs.</param>
    /// <returns>The model's outputs.</returns>
    public IReadOnlyList<Tensor> Predict(SampleBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ObjectDisposedException.ThrowIf(Attachment.IsDisposed, this);
        var begun = QuantizationTelemetry.BeginPrediction();
        StayInEvaluation();
        var outputs = Forward.Predict(batch);
        QuantizationTelemetry.EndPrediction(begun, batch.Count);
        return outputs;
    }

    // A mode that is switched for one call would be switched for those beside it.
    private void StayInEvaluation()
    {
        if (Attachment.Graph.Modules.Values.Any(static module => module.training))
        {
            lock (_mode)
            {
                Forward.Module.eval();
            }
        }
    }

    /// <summary>Lists every matrix product that the model computes for a batch, the quantizers of its operands, and the share of multiply-accumulates that stays in float.</summary>
    /// <param name="images">A batch as the model takes it; one image is enough.</param>
    /// <param name="source">How products are found: only those of modules, unless the program controls its whole process, see <see cref="ProductSource"/>.</param>
    public QuantizationCoverage MeasureCoverage(Tensor images, ProductSource source = ProductSource.Modules) => QuantizationCoverage.Measure(Attachment, images, source);

    /// <summary>Lists every matrix product of a model of any inputs and outputs, in the same way as the other overload.</summary>
    /// <param name="batch">A batch as the model takes it; one sample is enough.</param>
    /// <param name="source">How products are found.</param>
    public QuantizationCoverage MeasureCoverage(SampleBatch batch, ProductSource source = ProductSource.Modules) => QuantizationCoverage.Measure(Attachment, batch, source);

    /// <summary>
    /// Runs images and reports, site by site, whether the model's activations on them differ from those on the calibration images. Chance differences between samples of the calibration
    /// images, of the same number of images as given, do not count as drift. Takes about as long as three forward passes; the model must not run elsewhere meanwhile.
    /// <c>docs/drift.md</c> defines the measure and the limit.
    /// </summary>
    /// <param name="images">Images as the model takes them, [images, ...], on its device; at least <see cref="CalibrationStatistics.MinimumImageCount"/>, of all kinds that the model will process. Labels are not needed.</param>
    /// <param name="logger">Receives a warning if the images have drifted; null for none.</param>
    /// <param name="cancellationToken">Stops within one forward pass of a few images.</param>
    /// <exception cref="QuantizationException">The model has no <see cref="CalibrationStatistics"/>; there are too few images, or one contains a NaN or an infinity.</exception>
    /// <exception cref="InvalidOperationException">Another comparison of the model is running.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public DriftReport CompareWithCalibration(Tensor images, ILogger? logger = null, CancellationToken cancellationToken = default) =>
        DriftComparison.Run(Attachment, CalibrationStatistics, new SampleBatch(images), logger ?? NullLogger.Instance, cancellationToken);

    /// <summary>Compares samples of a model of any inputs and outputs with the calibration samples, in the same way as the other overload.</summary>
    /// <param name="samples">Samples as the model takes them, on its device.</param>
    /// <param name="logger">Receives a warning if the samples have drifted; null for none.</param>
    /// <param name="cancellationToken">Stops within one forward pass of a few samples.</param>
    /// <exception cref="QuantizationException">See the other overload.</exception>
    /// <exception cref="InvalidOperationException">Another comparison of the model is running.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public DriftReport CompareWithCalibration(InMemorySamples samples, ILogger? logger = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(samples);
        using var scope = NewDisposeScope();
        return DriftComparison.Run(Attachment, CalibrationStatistics, SampleBatch.Join(samples.Batches), logger ?? NullLogger.Instance, cancellationToken);
    }

    /// <summary>Saves the model: integer codes of quantized weights, everything else in float, and all quantizer parameters, as one safetensors file.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="metadata">Additional texts to store, such as the model's name in the catalogue.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path, IReadOnlyDictionary<string, string>? metadata = null) => Save(metadata, content => content.Write(path));

    /// <summary>Writes what <see cref="Save(string, IReadOnlyDictionary{string, string}?)"/> saves to a stream, such as one of a remote store.</summary>
    /// <param name="stream">Written from its current position, and left open; it need not be seekable.</param>
    /// <param name="metadata">Additional texts to store, such as the model's name in the catalogue.</param>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public void Save(Stream stream, IReadOnlyDictionary<string, string>? metadata = null) => Save(metadata, content => content.Write(stream));

    /// <summary>Loads what <see cref="Save(string, IReadOnlyDictionary{string, string}?)"/> wrote into a module of the same architecture; its outputs are the same bit for bit.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">The module; its parameters are replaced. Not changed if the file does not fit.</param>
    /// <param name="quantizers">Creates quantizers by scheme; null for the built-in ones.</param>
    /// <exception cref="WeightFileException">The file is corrupt.</exception>
    /// <exception cref="QuantizationException">The file does not contain a quantized model, or does not fit the module.</exception>
    public static QuantizedModel Load(string path, nn.Module<Tensor, Tensor> model, QuantizerRegistry? quantizers = null) =>
        Load(path, ModelForward.Of(model), quantizers);

    /// <summary>Loads a saved model of any inputs and outputs, in the same way as the other overload.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">A module of the same architecture, together with how a batch is passed through it; its parameters are replaced. Not changed if the file does not fit.</param>
    /// <param name="quantizers">Creates quantizers by scheme; null for the built-in ones.</param>
    /// <exception cref="WeightFileException">The file is corrupt.</exception>
    /// <exception cref="QuantizationException">The file does not contain a quantized model, or does not fit the module.</exception>
    public static QuantizedModel Load(string path, ModelForward model, QuantizerRegistry? quantizers = null) =>
        Of(QuantizedModelFile.Load(path, model, quantizers ?? BuiltIn.CreateRegistry()), ownsModel: false);

    /// <summary>Opens a saved model by its file alone, on the CPU: see <see cref="Open"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="quantizers">Creates quantizers by scheme; null for the built-in ones.</param>
    /// <returns>The model, which owns its module: disposing it disposes the module too.</returns>
    /// <exception cref="WeightFileException">The file is corrupt.</exception>
    /// <exception cref="QuantizationException">The file does not contain a quantized model, or does not describe its architecture (<see cref="Description"/>).</exception>
    public static QuantizedModel Load(string path, QuantizerRegistry? quantizers = null) => Open(path, null, quantizers);

    /// <summary>Makes the module of the architecture that a file describes, and loads into it what <see cref="Save(string, IReadOnlyDictionary{string, string}?)"/> wrote; its outputs are the same bit for bit.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where the model runs; null for the CPU.</param>
    /// <param name="quantizers">Creates quantizers by scheme; null for the built-in ones.</param>
    /// <returns>The model in evaluation mode, which owns its module: disposing it disposes the module too.</returns>
    /// <exception cref="WeightFileException">The file is corrupt.</exception>
    /// <exception cref="QuantizationException">The file does not contain a quantized model, or does not describe its architecture (<see cref="Description"/>).</exception>
    public static QuantizedModel Open(string path, Device? device = null, QuantizerRegistry? quantizers = null) => Of(QuantizedModelFile.Open(path, device, quantizers ?? BuiltIn.CreateRegistry()), ownsModel: true);

    /// <summary>Removes the quantizers from the module, which keeps its quantized weights; disposes the module if it was created by <see cref="Open"/>.</summary>
    public void Dispose()
    {
        Attachment.Dispose();
        if (_ownsModel)
        {
            Forward.Module.Dispose();
        }
    }

    private static QuantizedModel Of(LoadedModel loaded, bool ownsModel) => new(loaded.Attachment, null, loaded.Statistics, ownsModel) { Description = loaded.Description };

    private void Save(IReadOnlyDictionary<string, string>? metadata, Action<SavedModelContent> write)
    {
        ObjectDisposedException.ThrowIf(Attachment.IsDisposed, this);
        QuantizedModelFile.Save(Forward.Module, [.. QuantizedSites], Description, CalibrationStatistics, metadata, write);
    }
}
