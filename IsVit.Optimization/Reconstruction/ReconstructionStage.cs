using System.Diagnostics;
using System.Globalization;
using IsVit.Core.Graph;
using IsVit.Core.Memory;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Optimization.Telemetry;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>
/// Reconstructs every unit in the order in which they run (eq. 12), with sites quantized as the stages before left them. Inputs and targets are streamed:
/// one forward a batch for the whole stage.
/// </summary>
public sealed class ReconstructionStage : IQuantizationStage
{
    // Of the activations of a unit, in bytes.
    private const long WorthCollecting = 64L << 20;

    private readonly int _iterationFactor;

    /// <summary>Creates a stage.</summary>
    /// <param name="name">The name by which recipes call the stage.</param>
    /// <param name="input">Where a unit's input comes from.</param>
    /// <param name="iterationFactor">How many times the options' steps each unit gets, 1 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The factor is below 1.</exception>
    public ReconstructionStage(string name, UnitInput input, int iterationFactor = 1)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(iterationFactor, 1);
        Name = name;
        Input = input;
        _iterationFactor = iterationFactor;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> After => Input == UnitInput.Full ? [StageNames.ActivationCalibration] : [StageNames.ActivationCalibration, StageNames.WeightCalibration];

    /// <summary>Where a unit's input comes from.</summary>
    public UnitInput Input { get; }

    /// <summary>The steps that each unit gets.</summary>
    /// <param name="options">The options.</param>
    public int IterationsFor(QuantizationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return (int)Math.Min(int.MaxValue, (long)options.Reconstruction.IterationsFor(options.WeightBits, options.ActivationBits) * _iterationFactor);
    }

    // Quantizers make a step a third longer; losses over the images that are held out are taken before, and as often as the options say.
    StageWork IQuantizationStage.WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images)
    {
        var iterations = IterationsFor(options);
        var looks = 1 + Math.Min(options.Reconstruction.Evaluations, iterations);
        var views = 1 + ((options.Reconstruction.ViewsFor(recipe, images, iterations) - 1) * (1 - options.Reconstruction.HeldOutShareFor(recipe)));
        return new(
            1.3 * images * ((looks * options.Reconstruction.LookedAtShare(recipe)) + ((Input == UnitInput.Quantized ? 2 : 1) * views)),
            1.3 * iterations * Math.Min(options.Reconstruction.BatchSize, images * views));
    }

    long IQuantizationStage.StepsFor(QuantizationOptions options, int units) => (long)IterationsFor(options) * units;

    /// <inheritdoc/>
    public void Check(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        RequireBudget(context);
        foreach (var unit in context.Graph.Units)
        {
            RequireBatchAxes(context, unit);
        }

        if (IterationsFor(context.Options) > 0)
        {
            GradientCheck.RequireUnits(context, Name, unit => [.. TrainableParameters(context, unit).Select(static entry => entry.Parameter)]);
        }
    }

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var cache = RequireBudget(context);
        var inMemory = ActivationStores.BytesInMemory(context.Options.Reconstruction, cache.Bytes);
        context.CacheBytes = Math.Max(context.CacheBytes, inMemory);
        Log.CacheSize(context.Logger, Name, inMemory >> 20, cache.Unit.Path, context.Options.Reconstruction.CacheBudgetBytes >> 20);

        // Calibration leaves arrays and freed blocks some times as large, and a reconstruction allocates too little that is managed for them to be collected.
        if (cache.Bytes >= WorthCollecting && NativeHeap.MayActOnProcess)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            NativeHeap.ReturnFreed(NativeHeap.WorthReturning);
        }

        var store = ActivationStores.Create(context.Options.Reconstruction, cache.Bytes);
        using var precision = new ProductPrecision(context.Graph, context.Options.Reconstruction.Precision);
        using var images = ReconstructionImages.Of(context, IterationsFor(context.Options));
        using var floatFlow = new FloatFlow(context, images.Batches, store);
        using var quantizedFlow = Input == UnitInput.Quantized ? new UnitFlow(context.Attachment, images.Batches, store) : null;
        for (var i = 0; i < context.Graph.Units.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            var result = Reconstruct(context, i, images, floatFlow, quantizedFlow, store, precision);
            context.Add(result);
        }
    }

    /// <summary>The unit whose inputs and targets take the most memory, and how much.</summary>
    /// <exception cref="QuantizationException">It is more than the options allow, or the graph has no units.</exception>
    private (Unit Unit, long Bytes) RequireBudget(QuantizationContext context)
    {
        var (graph, batches, options) = (context.Graph, context.Batches, context.Options);
        if (graph.Units.Count == 0)
        {
            throw new QuantizationException($"The graph has no unit to reconstruct; name the modules to reconstruct at once in {nameof(QuantizationRun.Trace)}.{nameof(QuantizationRun.Trace.Units)}.");
        }

        var images = ReconstructionImages.Count(batches.Sum(static batch => batch.shape[0]), batches[0], options.Reconstruction, context.Recipe, IterationsFor(options));
        var largest = graph.Units.MaxBy(unit => BytesPerImage(unit, graph, batches[0]))!;
        var needed = BytesPerImage(largest, graph, batches[0]) * images;
        var inMemory = ActivationStores.BytesInMemory(options.Reconstruction, needed);
        return inMemory <= options.Reconstruction.CacheBudgetBytes
            ? (largest, needed)
            : throw new QuantizationException(string.Create(
                CultureInfo.InvariantCulture,
                $"The inputs and targets of unit '{largest.Path}' take {inMemory} bytes ({inMemory >> 20} MiB) for {images} images and views, more than {nameof(QuantizationOptions.Reconstruction)}.{nameof(ReconstructionOptions.CacheBudgetBytes)} allows: {options.Reconstruction.CacheBudgetBytes} bytes ({options.Reconstruction.CacheBudgetBytes >> 20} MiB). Use fewer images or {nameof(ReconstructionOptions.Views)}, allow more, or keep them elsewhere ({nameof(ReconstructionOptions.Cache)})."));
    }

    private UnitResult Reconstruct(QuantizationContext context, int index, ReconstructionImages images, FloatFlow floatFlow, UnitFlow? quantizedFlow, IActivationStore? store, ProductPrecision precision)
    {
        var clock = Stopwatch.StartNew();
        var unit = context.Graph.Units[index];
        using var activity = QuantizationTelemetry.StartUnit(Name, unit.Path);
        var parameters = TrainableParameters(context, unit);
        var iterations = IterationsFor(context.Options);
        context.Progress.BeginUnit(unit.Path, index, context.Graph.Units.Count, iterations);
        if (parameters.Count == 0 || !context.Attachment.Bindings.Any(binding => unit.Contains(binding.Site.Path) && binding.State == SiteState.Quantized))
        {
            context.Progress.EndUnit(iterations);
            return new UnitResult(unit.Path, Name, 0, 0, 0, clock.Elapsed, StopReason.NothingToDo);
        }

        using var learning = new QuantizerLearning(context.Options.Reconstruction.QuantizerLearningRate > 0 ? context.Attachment.Bindings.Where(binding => unit.Contains(binding.Site.Path)) : []);
        if (context.Checkpoint?.TryLoadUnit(context.Progress.StageIndex, Name, index, unit.Path, parameters, learning.Vectors) is { } earlier)
        {
            context.Progress.EndUnit(iterations);
            return earlier;
        }

        var (inputAxis, outputAxis) = RequireBatchAxes(context, unit);
        long[] imageCounts = [.. images.Batches.Select(static batch => batch.shape[0])];
        var quantizedInputs = quantizedFlow?.AdvanceToInput(unit, context.CancellationToken);
        var (floatInputs, outputs) = floatFlow.AdvanceThrough(index);
        var inputs = Cache(quantizedInputs ?? floatInputs, inputAxis);
        var targets = Cache(outputs, outputAxis);
        var random = new Random(HashCode(context.Options.Seed, context.Progress.StageIndex, index));
        var dropProbability = context.Options.Reconstruction.DropProbability ?? context.Recipe.DropProbability;
        var (before, after, made, reason) = new UnitReconstructor(context.Attachment, context.Loss, context.Options.Reconstruction, precision, images.Split, dropProbability).Reconstruct(
            unit,
            [.. parameters.Select(static entry => entry.Parameter)],
            [.. parameters.Select(entry => context.Kept?.ZerosOfParameter(entry.Name))],
            [.. learning.Vectors.Select(static entry => entry.Vector)],
            inputs,
            quantizedInputs is null || index == 0 ? null : Cache(floatInputs, inputAxis),
            targets,
            context.OutputWeights.GetValueOrDefault(unit.Path),
            iterations,
            context.Options.Reconstruction.LearningRate ?? context.Recipe.LearningRate ?? ReconstructionOptions.RateFor(iterations),
            random,
            (iteration, stepImages, loss) =>
            {
                QuantizationTelemetry.Step(Name, stepImages);
                context.Progress.Step(unit.Path, index, context.Graph.Units.Count, iteration, iterations, loss);
            },
            context.CancellationToken);
        context.Progress.EndUnit(iterations - made);
        var result = new UnitResult(unit.Path, Name, before, after, made, clock.Elapsed, reason);
        context.Checkpoint?.SaveUnit(context.Progress.StageIndex, index, result, parameters, learning.Vectors);
        return result;

        ActivationCache Cache(IReadOnlyList<Tensor> batches, int axis) => new(batches, axis, imageCounts, (store as BFloat16Store)?.TypeOf(batches[0]));
    }

    private static (int Input, int Output) RequireBatchAxes(QuantizationContext context, Unit unit) => context.BatchAxes.GetValueOrDefault(unit.Path) is { Input: { } input, Output: { } output }
        ? (input, output)
        : throw new QuantizationException(
            $"The unit {unit} cannot be reconstructed image by image: for twice as many images not one axis of its input and one of its output is twice as long. Choose the module around it, or those inside, in {nameof(QuantizationRun.Trace)}.{nameof(QuantizationRun.Trace.Units)}.");

    private long BytesPerImage(Unit unit, ModuleGraph graph, Tensor batch)
    {
        static double Count(IReadOnlyList<long> shape) => shape.Aggregate(1.0, static (product, length) => product * length);
        var (inputs, outputs) = (Count(unit.InputShape), Count(unit.OutputShape));
        var input = (long)(unit.BytesPerSample * (inputs / (inputs + outputs)));
        if (ReferenceEquals(unit, graph.Units[0]) && unit.InputShape.Skip(1).SequenceEqual(batch.shape.Skip(1)))
        {
            // The images themselves, which are the caller's.
            return unit.BytesPerSample - input;
        }

        // A float stream that stands behind the unit still holds its input; the quantized one has an input of its own.
        return unit.BytesPerSample + (Input == UnitInput.Quantized ? input : 0);
    }

    // Weights and biases of the unit's layers; normalisation and everything else stays frozen.
    private static List<(string Name, Parameter Parameter)> TrainableParameters(QuantizationContext context, Unit unit)
    {
        var parameters = new List<(string, Parameter)>();
        foreach (var (path, module) in context.Graph.Modules)
        {
            if (!unit.Contains(path) || !SiteWeights.HasWeight(module))
            {
                continue;
            }

            foreach (var (own, parameter) in module.named_parameters(recurse: false))
            {
                parameters.Add((path.Length == 0 ? own : $"{path}.{own}", parameter));
            }
        }

        return parameters;
    }

    private static int HashCode(int seed, int stage, int unit) => unchecked((((seed * 31) + stage) * 1009) + unit);
}
