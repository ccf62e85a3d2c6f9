using IsVit.Core.Coverage;
using IsVit.Core.Graph;
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

/// <summary>A quantized model: the user's module with quantizers attached, and what the run that made it reported.</summary>
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

    /// <summary>The module that was given, with quantized weights; call it as before. A module of another signature is <see cref="Forward"/>'s.</summary>
    /// <exception cref="InvalidOperationException">It is no module from one tensor to one tensor.</exception>
    public nn.Module<Tensor, Tensor> Model => Forward.Module as nn.Module<Tensor, Tensor>
        ?? throw new InvalidOperationException($"The model is a {Forward.Module.GetType().Name}, which is no module from one tensor to one tensor; use {nameof(Forward)}.{nameof(ModelForward.Module)}, or {nameof(Predict)} with a {nameof(SampleBatch)}.");

    /// <summary>The module, of whatever signature, with how a batch runs through it.</summary>
    public ModelForward Forward => Attachment.Graph.Forward;

    /// <summary>Its sites and their quantizers.</summary>
    public GraphAttachment Attachment { get; }

    /// <summary>The sites whose numbers are codes of their quantizers: all that is quantized, and nothing that is off or was only calibrated.</summary>
    internal IEnumerable<SiteBinding> QuantizedSites => Attachment.Bindings.Where(static binding => binding.Quantizer.IsCalibrated && (binding.IsWeight || binding.State == SiteState.Quantized));

    /// <summary>What the run did; null for a model that was loaded.</summary>
    public QuantizationReport? Report { get; }

    /// <summary>
    /// What the activation quantizers read on the calibration images. Null if the model quantizes no activations, had fewer than
    /// <see cref="CalibrationStatistics.MinimumCalibrationImageCount"/> calibration images, or was loaded from a file that has none.
    /// </summary>
    public CalibrationStatistics? CalibrationStatistics { get; }

    /// <summary>
    /// What the model is, which a saved file tells: its architecture with its sizes if it is an <see cref="ImageClassifier"/>, otherwise null. Set a name, the preprocessing of its images and the names
    /// of its classes to have them in the file too.
    /// </summary>
    public ModelDescription? Description { get; set; }

    /// <summary>Runs a batch through the quantized model, without gradients, in evaluation mode, which the model stays in. Several threads may call it at once.</summary>
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

    /// <summary>Runs a batch through a quantized model of any inputs and outputs, likewise.</summary>
    /// <param name="batch">A tensor for each of the model's inputs.</param>
    /// <returns>The model's outputs.</returns>
    public IReadOnlyList<Tensor> Predict(SampleBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
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

    /// <summary>Lists every matrix product that the model runs on a batch, what quantizes its operands, and the share of multiply-accumulates that stays in float.</summary>
    /// <param name="images">A batch as the model takes it; one image is enough.</param>
    /// <param name="source">Where products are seen: those of modules alone unless the program owns its process, see <see cref="ProductSource"/>.</param>
    public QuantizationCoverage MeasureCoverage(Tensor images, ProductSource source = ProductSource.Modules) => QuantizationCoverage.Measure(Attachment, images, source);

    /// <summary>Lists every matrix product of a model of any inputs and outputs, likewise.</summary>
    /// <param name="batch">A batch as the model takes it; one sample is enough.</param>
    /// <param name="source">Where products are seen.</param>
    public QuantizationCoverage MeasureCoverage(SampleBatch batch, ProductSource source = ProductSource.Modules) => QuantizationCoverage.Measure(Attachment, batch, source);

    /// <summary>
    /// Runs images and tells whether the model's activations on them are unlike those on the calibration images, site by site. Chance differences between samples of the calibration
    /// images, of as many images as are given, are no drift. Takes the time of about three forwards; no other may run meanwhile.
    /// <c>docs/drift.md</c> states measure and limit.
    /// </summary>
    /// <param name="images">Images as the model takes them, [images, ...], on its device; at least <see cref="CalibrationStatistics.MinimumImageCount"/>, of all kinds that the model will meet. Labels are not needed.</param>
    /// <param name="logger">Warned if the images have drifted; null for none.</param>
    /// <param name="cancellationToken">Stops within one forward of a few images.</param>
    /// <exception cref="QuantizationException">The model has no <see cref="CalibrationStatistics"/>; there are too few images, or one holds a NaN or an infinity.</exception>
    /// <exception cref="InvalidOperationException">Another comparison of the model is running.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public DriftReport CompareWithCalibration(Tensor images, ILogger? logger = null, CancellationToken cancellationToken = default) =>
        DriftComparison.Run(Attachment, CalibrationStatistics, new SampleBatch(images), logger ?? NullLogger.Instance, cancellationToken);

    /// <summary>Compares samples of a model of any inputs and outputs with the calibration samples, likewise.</summary>
    /// <param name="samples">Samples as the model takes them, on its device.</param>
    /// <param name="logger">Warned if the samples have drifted; null for none.</param>
    /// <param name="cancellationToken">Stops within one forward of a few samples.</param>
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
    /// <param name="metadata">Texts to keep beside, such as the model's name in the catalogue.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path, IReadOnlyDictionary<string, string>? metadata = null) => Save(metadata, content => content.Write(path));

    /// <summary>Writes what <see cref="Save(string, IReadOnlyDictionary{string, string}?)"/> saves to a stream, such as one that leads to a store elsewhere.</summary>
    /// <param name="stream">Written from where it stands, and left open; it need not be able to seek.</param>
    /// <param name="metadata">Texts to keep beside, such as the model's name in the catalogue.</param>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public void Save(Stream stream, IReadOnlyDictionary<string, string>? metadata = null) => Save(metadata, content => content.Write(stream));

    /// <summary>Loads what <see cref="Save(string, IReadOnlyDictionary{string, string}?)"/> wrote into a module of the same architecture; it gives the same output bit for bit.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">The module; its parameters are replaced. Unchanged if the file does not fit.</param>
    /// <param name="quantizers">Makes quantizers by scheme; null for the built-in ones.</param>
    /// <exception cref="WeightFileException">The file is broken.</exception>
    /// <exception cref="QuantizationException">The file is no quantized model, or does not fit the module.</exception>
    public static QuantizedModel Load(string path, nn.Module<Tensor, Tensor> model, QuantizerRegistry? quantizers = null) =>
        Load(path, ModelForward.Of(model), quantizers);

    /// <summary>Loads a saved model of any inputs and outputs, likewise.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">A module of the same architecture, with how a batch runs through it; its parameters are replaced. Unchanged if the file does not fit.</param>
    /// <param name="quantizers">Makes quantizers by scheme; null for the built-in ones.</param>
    /// <exception cref="WeightFileException">The file is broken.</exception>
    /// <exception cref="QuantizationException">The file is no quantized model, or does not fit the module.</exception>
    public static QuantizedModel Load(string path, ModelForward model, QuantizerRegistry? quantizers = null) =>
        Of(QuantizedModelFile.Load(path, model, quantizers ?? BuiltIn.CreateRegistry()), ownsModel: false);

    /// <summary>Loads what <see cref="Save(string, IReadOnlyDictionary{string, string}?)"/> wrote into a new module of the architecture that the file describes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="quantizers">Makes quantizers by scheme; null for the built-in ones.</param>
    /// <returns>The model on the CPU, which owns its module: disposing it disposes that too.</returns>
    /// <exception cref="WeightFileException">The file is broken.</exception>
    /// <exception cref="QuantizationException">The file is no quantized model, or does not say of which architecture (<see cref="Description"/>).</exception>
    public static QuantizedModel Load(string path, QuantizerRegistry? quantizers = null) => Of(QuantizedModelFile.Load(path, quantizers ?? BuiltIn.CreateRegistry()), ownsModel: true);

    /// <summary>Removes the quantizers from the module, which keeps its quantized weights; disposes the module if it was made by <see cref="Load(string, QuantizerRegistry?)"/>.</summary>
    public void Dispose()
    {
        Attachment.Dispose();
        if (_ownsModel)
        {
            Forward.Module.Dispose();
        }
    }

    private static QuantizedModel Of(LoadedModel loaded, bool ownsModel) => new(loaded.Attachment, null, loaded.Statistics, ownsModel) { Description = loaded.Description };

    private void Save(IReadOnlyDictionary<string, string>? metadata, Action<SavedModelContent> write) =>
        QuantizedModelFile.Save(Forward.Module, [.. QuantizedSites], Description, CalibrationStatistics, metadata, write);
}
