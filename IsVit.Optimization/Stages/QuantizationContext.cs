using System.Runtime.ExceptionServices;
using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Telemetry;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>
/// What a stage works on: a model with quantizers at its sites, in evaluation mode, its calibration samples, and the options. <c>ModelQuantizer.Prepare</c> creates one; disposing it removes the quantizers and restores
/// the model's original parameters.
/// </summary>
public sealed class QuantizationContext : IDisposable
{
    private readonly List<UnitResult> _units = [];
    private readonly Dictionary<Type, object> _results = [];
    private readonly List<IDisposable> _owned = [];
    private readonly ParameterSnapshot _original;
    private ParameterSnapshot? _reset;
    private IReadOnlyDictionary<string, BatchAxes>? _batchAxes;
    private CalibrationSplit? _split;
    private bool _isComplete;
    private bool _isDisposed;

    internal QuantizationContext(
        GraphAttachment attachment,
        ParameterSnapshot floatParameters,
        IReadOnlyList<SampleBatch> batches,
        QuantizationOptions options,
        QuantizationRecipe recipe,
        QuantizerRegistry quantizers,
        IReconstructionLoss loss,
        ILogger logger,
        StageProgress progress,
        CancellationToken cancellationToken)
    {
        Attachment = attachment;
        FloatParameters = _original = floatParameters;
        Batches = batches;
        Options = options;
        Recipe = recipe;
        Quantizers = quantizers;
        Loss = loss;
        Logger = logger;
        Progress = progress;
        CancellationToken = cancellationToken;
    }

    /// <summary>The model's sites with their quantizers.</summary>
    public GraphAttachment Attachment { get; }

    /// <summary>The traced graph.</summary>
    public ModuleGraph Graph => Attachment.Graph;

    /// <summary>The float model's parameters, which can be restored temporarily to compute the float model's activations.</summary>
    public ParameterSnapshot FloatParameters { get; private set; }

    /// <summary>The calibration samples, in batches of the size that the options set or larger.</summary>
    public IReadOnlyList<SampleBatch> Batches { get; }

    /// <summary>How much errors affect the model's outputs; the same for all errors unless a stage has measured it (<see cref="Publish"/>).</summary>
    public OutputImportance Importance => Find<OutputImportance>() ?? OutputImportance.Even;

    /// <summary>Where samples lie in what a module takes and gives, by its path. Found when first asked for, by two forwards of the float model.</summary>
    internal IReadOnlyDictionary<string, BatchAxes> BatchAxes
    {
        get
        {
            if (_batchAxes is null)
            {
                using var suspended = Attachment.Suspend();
                using var scope = NewDisposeScope();
                _batchAxes = Core.Graph.BatchAxes.Find(Graph, FirstSample);
            }

            return _batchAxes;
        }
    }

    /// <summary>The options.</summary>
    public QuantizationOptions Options { get; }

    /// <summary>The recipe of the run.</summary>
    public QuantizationRecipe Recipe { get; }

    /// <summary>Creates quantizers by scheme.</summary>
    public QuantizerRegistry Quantizers { get; }

    /// <summary>Measures how far a unit's output is from the float one.</summary>
    public IReconstructionLoss Loss { get; }

    /// <summary>The log.</summary>
    public ILogger Logger { get; }

    /// <summary>Stops the run within one optimizer iteration.</summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>The results of the units that were reconstructed so far.</summary>
    public IReadOnlyList<UnitResult> Units => _units;

    /// <summary>One sample, as views that the open dispose scope owns.</summary>
    internal SampleBatch FirstSample => Batches[0].Slice(0, 1);

    /// <summary>Which images steps are taken on.</summary>
    internal CalibrationSplit Split => _split ??= CalibrationSplit.Of((int)CalibrationBatches.Count(Batches), Recipe.HeldOutShareFor(Options.Reconstruction), Options.Seed);

    /// <summary>The zeros that are to be kept; null where none are.</summary>
    internal PrunedWeights? Kept { get; init; }

    /// <summary>Receives the progress of units and iterations.</summary>
    public StageProgress Progress { get; }

    /// <summary>Whether this process reconstructs a unit, by its index.</summary>
    internal Func<int, bool> IsChosen { get; set; } = static _ => true;

    /// <summary>What keeps finished units; null where nothing does.</summary>
    internal IUnitCheckpoint? Checkpoint { get; init; }

    /// <summary>
    /// Makes the current parameters the float model's reference. For a stage that changed the parameters without changing the model's function, before any other stage did: from then on, quantized activations
    /// are compared with the activations inside this float model.
    /// </summary>
    public void ResetFloatReference()
    {
        var before = _reset;
        FloatParameters = _reset = new ParameterSnapshot(Graph.Model);
        before?.Dispose();
    }

    /// <summary>Returns a result that an earlier stage published; null if there is none.</summary>
    /// <typeparam name="T">The type of the result, such as <see cref="OutputImportance"/>.</typeparam>
    public T? Find<T>()
        where T : class => (T?)_results.GetValueOrDefault(typeof(T));

    /// <summary>Publishes a result for later stages, replacing an earlier one of its type. It is disposed at the end of the run if it is disposable.</summary>
    /// <typeparam name="T">The type by which later stages request it.</typeparam>
    /// <param name="result">The result; it must not belong to a dispose scope.</param>
    public void Publish<T>(T result)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(result);
        (_results.GetValueOrDefault(typeof(T)) as IDisposable)?.Dispose();
        _results[typeof(T)] = result;
    }

    /// <summary>Resumes a unit that was finished in an interrupted run with the same <c>QuantizationRun.CheckpointDirectory</c>: its trained state is set to the values at the end of that reconstruction.</summary>
    /// <param name="stage">The stage's name.</param>
    /// <param name="index">The unit's index in the stage, from 0.</param>
    /// <param name="unit">Its path.</param>
    /// <param name="state">The state of the unit that the stage trains, by name.</param>
    /// <returns>The unit's result; null if the unit is still to be reconstructed.</returns>
    /// <exception cref="QuantizationException">The stored state is corrupt, or does not fit the unit.</exception>
    public UnitResult? TryResume(string stage, int index, string unit, IEnumerable<(string Name, Tensor Value)> state) => Checkpoint?.TryLoadUnit(Progress.StageIndex, stage, index, unit, state);

    /// <summary>Stores a finished unit for <see cref="TryResume"/>, if the run has a checkpoint.</summary>
    /// <param name="index">The unit's index in the stage, from 0.</param>
    /// <param name="result">Its result.</param>
    /// <param name="state">The state of the unit that the stage trained, by name.</param>
    public void Keep(int index, UnitResult result, IEnumerable<(string Name, Tensor Value)> state) => Checkpoint?.SaveUnit(Progress.StageIndex, index, result, state);

    /// <summary>Removes the quantizers and restores the model's original parameters and mode, unless a run has been completed with it.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        // Whatever one part throws, the others are let go of, the model first.
        _isDisposed = true;
        Action[] model = _isComplete ? [] : [Attachment.Dispose, _original.Restore];
        Action[] parts = [.. model, () => _reset?.Dispose(), ReleaseResults, .. _owned.AsEnumerable().Reverse().Select(static owned => (Action)owned.Dispose)];
        ExceptionDispatchInfo? first = null;
        foreach (var part in parts)
        {
            try
            {
                part();
            }
#pragma warning disable CA1031 // Thrown again when everything is let go of.
            catch (Exception e)
#pragma warning restore CA1031
            {
                first ??= ExceptionDispatchInfo.Capture(e);
            }
        }

        first?.Throw();
    }

    /// <summary>Disposes what stages have published.</summary>
    internal void ReleaseResults()
    {
        var results = _results.Values.OfType<IDisposable>().ToList();
        _results.Clear();
        results.ForEach(static result => result.Dispose());
    }

    /// <summary>Disposes things along with the context, the last first.</summary>
    internal void Own(params IEnumerable<IDisposable?> owned) => _owned.AddRange(owned.OfType<IDisposable>());

    /// <summary>Lets the model keep its quantizers and what stages made of it.</summary>
    internal void Complete()
    {
        _isComplete = true;
        _owned.OfType<EvaluationScope>().ToList().ForEach(static evaluation => evaluation.Stay());
    }

    /// <summary>Adds a unit's result to the report and the log.</summary>
    /// <param name="result">The result.</param>
    public void Add(UnitResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        _units.Add(result);
        QuantizationTelemetry.Unit(result);
        if (result.StopReason == StopReason.Diverged)
        {
            Log.UnitDiverged(Logger, result.Stage, result.Unit, result.Iterations);
        }

        Log.UnitReconstructed(Logger, result.Stage, result.Unit, result.LossBefore, result.LossAfter, result.Iterations, result.Duration, result.StopReason);
    }
}
