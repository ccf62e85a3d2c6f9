using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using IsVit.Core.Graph;
using IsVit.Core.Memory;
using IsVit.Core.Samples;
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
/// Reconstructs every unit in execution order (eq. 12), with the sites quantized as by the stages before it. Inputs and targets are streamed:
/// one forward pass per batch for the whole stage.
/// </summary>
public sealed class ReconstructionStage : IQuantizationStage
{
    // Of the activations of a unit, in bytes.
    private const long WorthCollecting = 64L << 20;

    // A forward of the whole model, and on average the backward pass of half of it, which takes about as long.
    private const double ShareOfStepForOutputs = 2.0 / 3;

    private readonly int _iterationFactor;
    private readonly ReconstructionOptions? _options;

    /// <summary>Creates a stage.</summary>
    /// <param name="name">The stage's name in recipes.</param>
    /// <param name="input">Where a unit's input comes from.</param>
    /// <param name="iterationFactor">The multiple of the options' iterations that each unit is trained for, 1 or more.</param>
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

    /// <inheritdoc/>
    public IReadOnlyCollection<Type> Reads => [typeof(OutputImportance)];

    /// <summary>Where a unit's input comes from.</summary>
    public UnitInput Input { get; }

    /// <summary>
    /// Options of this stage alone, which replace those of the run; null to use the run's. How many samples run through the model at once, and which are held out, is always determined by the run's options.
    /// </summary>
    /// <exception cref="OptionsException">An option is out of range.</exception>
    public ReconstructionOptions? Options
    {
        get => _options;
        init
        {
            value?.Validate();
            _options = value is null ? null : value with { };
        }
    }

    string IQuantizationStage.Settings => _options is null ? "" : JsonSerializer.Serialize(_options);

    /// <summary>Returns the number of iterations for each unit.</summary>
    /// <param name="options">The options.</param>
    public int IterationsFor(QuantizationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return (int)Math.Min(int.MaxValue, (long)OptionsOf(options).IterationsFor(options.WeightBits, options.ActivationBits) * _iterationFactor);
    }

    // Quantizers make a step a third longer; losses over the images that are held out are taken before, and as often as the options say.
    StageWork IQuantizationStage.WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images)
    {
        var iterations = IterationsFor(options);
        var looks = 1 + Math.Min(OptionsOf(options).Evaluations, iterations);
        var views = 1 + ((OptionsOf(options).ViewsFor(recipe.FreshViews, images, iterations) - 1) * (1 - recipe.HeldOutShareFor(options.Reconstruction)));
        return new(
            1.3 * images * ((looks * recipe.LookedAtShareFor(options.Reconstruction)) + ((Input == UnitInput.Quantized ? 2 : 1) * views)),
            1.3 * iterations * Math.Min(OptionsOf(options).BatchSize, images * views))
        {
            StepsPerUnit = OptionsOf(options).OutputWeight > 0 ? ShareOfStepForOutputs * iterations * Math.Min(OptionsOf(options).BatchSize, images * views) : 0,
        };
    }

    long IQuantizationStage.MemoryFor(QuantizationContext context) =>
        context.Graph.Units.Count == 0 ? 0 : ActivationStores.BytesInMemory(OptionsOf(context.Options), LargestUnit(context).Bytes);

    long IQuantizationStage.StepsFor(QuantizationOptions options, int units) => (long)IterationsFor(options) * units;

    /// <inheritdoc/>
    public void Check(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        RequireBudget(context);
        foreach (var unit in context.Graph.Units)
        {
            RequireSampleAxes(context, unit);
        }

        if (IterationsFor(context.Options) > 0)
        {
            if (OptionsOf(context.Options).OutputWeight > 0)
            {
                GradientCheck.RequireOutputs(context, Name);
            }

            UnitCheck.Require(context, Name, unit => RequireSampleAxes(context, unit), unit => [.. TrainableParameters(context, unit).Select(static entry => entry.Parameter)]);
        }
    }

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var cache = RequireBudget(context);
        var inMemory = ActivationStores.BytesInMemory(OptionsOf(context.Options), cache.Bytes);
        Log.CacheSize(context.Logger, Name, inMemory >> 20, cache.Unit.Path, OptionsOf(context.Options).CacheBudgetBytes >> 20);

        // Calibration leaves arrays and freed blocks some times as large, and a reconstruction allocates too little that is managed for them to be collected.
        if (cache.Bytes >= WorthCollecting && NativeHeap.MayActOnProcess)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            NativeHeap.ReturnFreed(NativeHeap.WorthReturning);
        }

        var store = ActivationStores.Create(OptionsOf(context.Options), cache.Bytes);
        using var precision = new ProductPrecision(context.Graph, OptionsOf(context.Options).Precision);
        using var images = ReconstructionImages.Of(context, OptionsOf(context.Options), IterationsFor(context.Options));
        using var outputs = OptionsOf(context.Options).OutputWeight > 0 ? new ModelOutputs(context, images.Batches) : null;
        using var floatFlow = new FloatFlow(context, images.Batches, store);
        using var quantizedFlow = Input == UnitInput.Quantized ? new UnitFlow(context.Attachment, images.Batches, store) : null;
        for (var i = 0; i < context.Graph.Units.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            if (context.IsChosen(i))
            {
                context.Add(Reconstruct(context, i, images, outputs, floatFlow, quantizedFlow, store, precision));
            }
        }
    }

    /// <summary>The unit whose inputs and targets take the most memory, and how much.</summary>
    /// <exception cref="QuantizationException">It is more than the options allow, or the graph has no units.</exception>
    private (Unit Unit, long Bytes) RequireBudget(QuantizationContext context)
    {
        var options = OptionsOf(context.Options);
        if (context.Graph.Units.Count == 0)
        {
            throw new QuantizationException($"The graph has no unit to reconstruct; name the modules to reconstruct at once in {nameof(QuantizationRun.Trace)}.{nameof(QuantizationRun.Trace.Units)}.");
        }

        var (largest, needed, images) = LargestUnit(context);
        var inMemory = ActivationStores.BytesInMemory(options, needed);
        return inMemory <= options.CacheBudgetBytes
            ? (largest, needed)
            : throw new QuantizationException(string.Create(
                CultureInfo.InvariantCulture,
                $"The inputs and targets of unit '{largest.Path}' take {inMemory} bytes ({inMemory >> 20} MiB) for {images} images and views, more than {nameof(QuantizationOptions.Reconstruction)}.{nameof(ReconstructionOptions.CacheBudgetBytes)} allows: {options.CacheBudgetBytes} bytes ({options.CacheBudgetBytes >> 20} MiB). Use fewer images or {nameof(ReconstructionOptions.Views)}, allow more, or keep them elsewhere ({nameof(ReconstructionOptions.Cache)})."));
    }

    private (Unit Unit, long Bytes, long Images) LargestUnit(QuantizationContext context)
    {
        var (graph, batches) = (context.Graph, context.Batches);
        var images = ReconstructionImages.Count(CalibrationBatches.Count(batches), batches[0], OptionsOf(context.Options), context.Recipe, IterationsFor(context.Options));
        var largest = graph.Units.MaxBy(unit => BytesPerImage(unit, graph, batches[0]))!;
        return (largest, BytesPerImage(largest, graph, batches[0]) * images, images);
    }

    private ReconstructionOptions OptionsOf(QuantizationOptions options) => _options ?? options.Reconstruction;

    private UnitResult Reconstruct(QuantizationContext context, int index, ReconstructionImages images, ModelOutputs? outputs, FloatFlow floatFlow, UnitFlow? quantizedFlow, IActivationStore? store, ProductPrecision precision)
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
            return Result(unit, (0, 0, 0, StopReason.NothingToDo), clock);
        }

        using var learning = new QuantizerLearning(OptionsOf(context.Options).QuantizerLearningRate > 0 ? context.Attachment.Bindings.Where(binding => unit.Contains(binding.Site.Path)) : []);
        List<(string Name, Tensor Value)> state = [.. parameters.Select(static entry => (entry.Name, (Tensor)entry.Parameter)), .. learning.Vectors.Select(static entry => ($"learned/{entry.Site}", entry.Vector))];
        if (context.TryResume(Name, index, unit.Path, state) is { } earlier)
        {
            context.Progress.EndUnit(iterations);
            return earlier;
        }

        var (inputAxes, outputAxes) = RequireSampleAxes(context, unit);
        long[] sampleCounts = [.. images.Batches.Select(static batch => batch.Count)];
        var quantizedInputs = quantizedFlow?.AdvanceToInput(unit, context.CancellationToken);
        var (floatInputs, given) = floatFlow.AdvanceThrough(index);
        var arguments = quantizedInputs ?? floatInputs;
        RequireAlike(unit, arguments);
        RequireAlike(unit, given);
        int[] counted = [.. Enumerable.Range(0, outputAxes.Count).Where(i => outputAxes[i] >= 0 && given[0].Tensors[i] is var output && is_floating_point(output) && output.numel() > 0)];
        var inputs = Cache([.. arguments.Select(static batch => batch.Tensors)], inputAxes);
        var targets = Cache([.. given.Select(batch => counted.Select(i => batch.Tensors[i]).ToList())], [.. counted.Select(i => outputAxes[i])]);
        using var atOutputs = outputs is null ? null : new UnitOutputLoss(context, outputs, index, floatFlow.Owners, Input);
        var random = new Random(HashCode(context.Options.Seed, context.Progress.StageIndex, index));
        var (before, after, made, reason) = new UnitReconstructor(context.Attachment, context.Loss, OptionsOf(context.Options), precision, images.Split, OptionsOf(context.Options).DropProbability ?? context.Recipe.DropProbability).Reconstruct(
            unit,
            new UnitForward(TypedModule.TryOf(context.Graph.Modules[unit.Path])!, arguments[0], counted),
            [.. parameters.Select(static entry => entry.Parameter)],
            [.. parameters.Select(entry => context.Kept?.ZerosOfParameter(entry.Name))],
            [.. learning.Vectors.Select(static entry => entry.Vector)],
            inputs,
            quantizedInputs is null || index == 0 ? null : Cache([.. floatInputs.Select(static batch => batch.Tensors)], inputAxes),
            targets,
            [.. counted.Select(i => context.Importance.OfUnit(unit.Path, i))],
            atOutputs,
            iterations,
            OptionsOf(context.Options).LearningRate ?? context.Recipe.LearningRate ?? ReconstructionOptions.RateFor(iterations),
            random,
            (iteration, stepImages, loss) =>
            {
                QuantizationTelemetry.Step(Name, stepImages);
                context.Progress.Step(unit.Path, index, context.Graph.Units.Count, iteration, iterations, loss);
            },
            context.CancellationToken);
        context.Progress.EndUnit(iterations - made);
        var result = Result(unit, (before, after, made, reason), clock);
        context.Keep(index, result, state);
        return result;

        ActivationCache Cache(IReadOnlyList<IReadOnlyList<Tensor>> batches, IReadOnlyList<int> axes) =>
            new(batches, axes, sampleCounts, store is BFloat16Store narrow ? [.. batches[0].Select(tensor => (ScalarType?)narrow.TypeOf(tensor))] : null);
    }

    private UnitResult Result(Unit unit, (double Before, double After, int Made, StopReason Reason) outcome, Stopwatch clock) => new()
    {
        Unit = unit.Path,
        Stage = Name,
        LossBefore = outcome.Before,
        LossAfter = outcome.After,
        Iterations = outcome.Made,
        Duration = clock.Elapsed,
        StopReason = outcome.Reason,
    };

    // A tensor whose shape does not go by the samples is shared by them, if not all are.
    private static (IReadOnlyList<int> Inputs, IReadOnlyList<int> Outputs) RequireSampleAxes(QuantizationContext context, Unit unit) =>
        context.BatchAxes.GetValueOrDefault(unit.Path) is { } axes && Fit(axes.Inputs) && Fit(axes.Outputs)
            ? ([.. axes.Inputs.Select(static axis => axis!.Value)], [.. axes.Outputs.Select(static axis => axis!.Value)])
            : throw new QuantizationException(
                $"The unit {unit} cannot be reconstructed image by image: for twice as many images not one axis of its input and one of its output is twice as long. Choose the module around it, or those inside, in {nameof(QuantizationRun.Trace)}.{nameof(QuantizationRun.Trace.Units)}.");

    private static bool Fit(IReadOnlyList<int?> axes) => axes.All(static axis => axis is not null) && axes.Any(static axis => axis >= 0);

    // Samples are taken from all batches into one, and what goes with them must serve for it.
    private static void RequireAlike(Unit unit, IReadOnlyList<PackedTensors> arguments)
    {
        if (!arguments.All(arguments[0].IsPackedLike))
        {
            throw new QuantizationException(
                $"The unit {unit} takes or gives something beside tensors, or another number of tensors, that is not the same for every batch of calibration images, so its images cannot be mixed. Choose the module around it, or those inside, in {nameof(QuantizationRun.Trace)}.{nameof(QuantizationRun.Trace.Units)}.");
        }
    }

    private long BytesPerImage(Unit unit, ModuleGraph graph, SampleBatch batch)
    {
        if (ReferenceEquals(unit, graph.Units[0]) && unit.InputShapes.Count == batch.Inputs.Count && unit.InputShapes.Zip(batch.Inputs).All(static pair => pair.First.Skip(1).SequenceEqual(pair.Second.shape.Skip(1))))
        {
            // The samples themselves, which are the caller's.
            return unit.OutputBytesPerSample;
        }

        // A float stream that stands behind the unit still holds its input; the quantized one has an input of its own.
        return unit.OutputBytesPerSample + ((Input == UnitInput.Quantized ? 2 : 1) * unit.InputBytesPerSample);
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
