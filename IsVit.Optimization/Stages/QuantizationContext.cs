using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Telemetry;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>What a stage works on.</summary>
public sealed class QuantizationContext : IDisposable
{
    private readonly List<UnitResult> _units = [];
    private ParameterSnapshot? _reset;
    private IReadOnlyDictionary<string, BatchAxes>? _batchAxes;
    private CalibrationSplit? _split;

    internal QuantizationContext(
        GraphAttachment attachment,
        ParameterSnapshot floatParameters,
        IReadOnlyList<Tensor> batches,
        QuantizationOptions options,
        QuantizationRecipe recipe,
        QuantizerRegistry quantizers,
        IReconstructionLoss loss,
        ILogger logger,
        ProgressReporter progress,
        IUnitCheckpoint? checkpoint,
        CancellationToken cancellationToken)
    {
        Attachment = attachment;
        FloatParameters = floatParameters;
        Batches = batches;
        Options = options;
        Recipe = recipe;
        Quantizers = quantizers;
        Loss = loss;
        Logger = logger;
        Progress = progress;
        Checkpoint = checkpoint;
        CancellationToken = cancellationToken;
    }

    /// <summary>The model's sites with their quantizers.</summary>
    public GraphAttachment Attachment { get; }

    /// <summary>The traced graph.</summary>
    public ModuleGraph Graph => Attachment.Graph;

    /// <summary>The float model's parameters, to be put in place where the float model's activations are wanted.</summary>
    public ParameterSnapshot FloatParameters { get; private set; }

    /// <summary>The calibration images, one tensor a batch.</summary>
    public IReadOnlyList<Tensor> Batches { get; }

    /// <summary>Where images lie in what a module takes and gives, by its path. Found when first asked for, by two forwards of the float model.</summary>
    internal IReadOnlyDictionary<string, BatchAxes> BatchAxes
    {
        get
        {
            if (_batchAxes is null)
            {
                using var suspended = Attachment.Suspend();
                using var image = Batches[0].narrow(0, 0, 1);
                _batchAxes = Core.Graph.BatchAxes.Find(Graph, image);
            }

            return _batchAxes;
        }
    }

    /// <summary>The options.</summary>
    public QuantizationOptions Options { get; }

    /// <summary>The recipe that is being followed.</summary>
    public QuantizationRecipe Recipe { get; }

    /// <summary>Makes quantizers by scheme.</summary>
    public QuantizerRegistry Quantizers { get; }

    /// <summary>How far a unit's output is from the float one.</summary>
    public IReconstructionLoss Loss { get; }

    /// <summary>The log.</summary>
    public ILogger Logger { get; }

    /// <summary>Stops the run within one step of the optimizer.</summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>What was reconstructed so far.</summary>
    public IReadOnlyList<UnitResult> Units => _units;

    /// <summary>
    /// By a unit's path, how much an error of each number that it gives counts, with mean 1 and the shape of its output for one image, without the axis of images; a unit that is not here
    /// counts all alike. The tensors are disposed when the run ends.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> OutputWeights { get; set; } = new Dictionary<string, Tensor>(StringComparer.Ordinal);

    /// <summary>
    /// By a layer's path, how much an error of what it makes of each vector of an image counts, with mean 1; a layer that is not here counts all alike. [vectors of one image]: tokens
    /// of a linear layer, places of a convolution. The tensors are disposed when the run ends.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> VectorWeights { get; set; } = new Dictionary<string, Tensor>(StringComparer.Ordinal);

    /// <summary>Which images steps are taken on.</summary>
    internal CalibrationSplit Split => _split ??= CalibrationSplit.Of((int)Batches.Sum(static batch => batch.shape[0]), Options.Reconstruction.HeldOutShareFor(Recipe), Options.Seed);

    /// <summary>The zeros that are to be kept; null where none are.</summary>
    internal PrunedWeights? Kept { get; init; }

    internal ProgressReporter Progress { get; }

    internal IUnitCheckpoint? Checkpoint { get; }

    /// <summary>The most that a unit's inputs and targets took in memory.</summary>
    internal long CacheBytes { get; set; }

    /// <summary>
    /// Makes the parameters as they are now the float model's. For a stage that changed them without changing the model's function, before any other did: activations inside the float model are
    /// then those that quantized ones are compared with.
    /// </summary>
    public void ResetFloatReference()
    {
        var before = _reset;
        FloatParameters = _reset = new ParameterSnapshot(Graph.Model);
        before?.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => _reset?.Dispose();

    /// <summary>Adds a unit's result to the report and the log.</summary>
    /// <param name="result">The result.</param>
    public void Add(UnitResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        _units.Add(result);
        QuantizationTelemetry.Unit(result);
        Log.UnitReconstructed(Logger, result.Stage, result.Unit, result.LossBefore, result.LossAfter, result.Iterations, result.Duration, result.StopReason);
    }
}
