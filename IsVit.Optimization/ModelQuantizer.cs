using System.Diagnostics;
using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Checkpoints;
using IsVit.Optimization.Drift;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Optimization.Telemetry;
using IsVit.Quantizers;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using static TorchSharp.torch;

namespace IsVit.Optimization;

/// <summary>Quantizes a model by a recipe, by default I&amp;S-ViT (arXiv 2311.10126).</summary>
public sealed partial class ModelQuantizer
{
    private readonly QuantizationOptions _options;
    private readonly QuantizationRecipe _recipe;
    private readonly QuantizerRegistry _quantizers;
    private readonly IReadOnlyList<IQuantizationStage> _stages;
    private readonly IReconstructionLoss _loss;
    private readonly ILogger _logger;

    /// <summary>Creates a quantizer from its parts. <see cref="Create"/> does it with the built-in ones.</summary>
    /// <param name="options">The options.</param>
    /// <param name="quantizers">Makes quantizers by scheme.</param>
    /// <param name="recipes">The recipes; of two with one name the later one counts.</param>
    /// <param name="stages">The stages; of two with one name the later one counts.</param>
    /// <param name="loss">How far a unit's output is from the float one.</param>
    /// <param name="logger">The log; null for none.</param>
    /// <exception cref="OptionsException">An option is out of range, or names a recipe or a scheme that there is not, or the recipe names such a stage.</exception>
    public ModelQuantizer(
        QuantizationOptions options,
        QuantizerRegistry quantizers,
        IEnumerable<QuantizationRecipe> recipes,
        IEnumerable<IQuantizationStage> stages,
        IReconstructionLoss loss,
        ILogger<ModelQuantizer>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(recipes);
        ArgumentNullException.ThrowIfNull(stages);
        _quantizers = quantizers ?? throw new ArgumentNullException(nameof(quantizers));
        options.Validate();
        options.ValidateSchemes(quantizers);

        // Options can be changed after they were checked; a copy cannot.
        _options = options.Copy();
        _loss = loss ?? throw new ArgumentNullException(nameof(loss));
        _logger = logger ?? NullLogger<ModelQuantizer>.Instance;

        var recipesByName = LastByName(recipes, static recipe => recipe.Name);
        options.ValidateRecipe(recipesByName.Keys);
        _recipe = recipesByName[FormerNames.Recipe(options.Recipe, recipesByName.Keys)];
        var stagesByName = LastByName(stages, static stage => stage.Name);
        _stages = [.. _recipe.Stages.Select(name => stagesByName.TryGetValue(FormerNames.Stage(name, stagesByName.Keys), out var stage)
            ? stage
            : throw new OptionsException($"Recipe '{_recipe.Name}' has a stage '{name}'; known are {string.Join(", ", stagesByName.Keys.Order(StringComparer.Ordinal))}."))];
        RequireOrder(stagesByName);
    }

    /// <summary>Creates a quantizer with the built-in quantizers, recipes, stages and loss.</summary>
    /// <param name="configure">Changes the options; null for the defaults.</param>
    /// <param name="logger">The log; null for none.</param>
    /// <exception cref="OptionsException">An option is out of range.</exception>
    public static ModelQuantizer Create(Action<QuantizationOptions>? configure = null, ILogger<ModelQuantizer>? logger = null)
    {
        var options = new QuantizationOptions();
        configure?.Invoke(options);
        return new ModelQuantizer(
            options,
            BuiltIn.CreateRegistry(),
            QuantizationRecipes.All,
            BuiltIn.Stages(),
            new SquaredErrorLoss(),
            logger);
    }

    /// <summary>
    /// Quantizes a model in place: its weights are changed, its matrix products work on quantized numbers for as long as the result is not disposed, and it stays in evaluation mode.
    /// A run that fails or is cancelled leaves the model as it was, without a hook.
    /// </summary>
    /// <param name="model">Any TorchSharp module graph whose modules are called through <c>call</c>.</param>
    /// <param name="images">Calibration images as the model takes them, [images, ...], on its device; unchanged. Labels are not needed.</param>
    /// <param name="run">Progress, scores, a checkpoint.</param>
    /// <param name="cancellationToken">Stops the run within one step.</param>
    /// <returns>The quantized model; disposing it removes the hooks and leaves the model with its quantized weights.</returns>
    /// <exception cref="QuantizationException">The graph or the images cannot be quantized as asked.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public QuantizedModel Quantize(nn.Module<Tensor, Tensor> model, Tensor images, QuantizationRun? run = null, CancellationToken cancellationToken = default)
    {
        RequireImages(model, images);
        cancellationToken.ThrowIfCancellationRequested();
        run ??= new QuantizationRun();
        var activationBits = _recipe.QuantizesActivations ? _options.ActivationBits : QuantizationReport.FloatActivationBits;
        using var activity = QuantizationTelemetry.StartRun(_recipe.Name, _options.WeightBits, activationBits);
        var clock = Stopwatch.StartNew();
        using var differentiable = inference_mode(false);
        using var evaluation = new EvaluationScope(model);
        using var scope = NewDisposeScope();
        var batches = CalibrationBatches.Split(images, _options.Reconstruction.BatchSize);
        CalibrationBatches.RequireFinite(batches);
        var graph = ModuleGraph.Trace(model, images.narrow(0, 0, 1), run.Trace);
        RequireOverridesToFit(graph);
        using var floatParameters = new ParameterSnapshot(model);
        var attachment = GraphAttachment.Attach(graph, ChooseQuantizers(graph, _recipe, (site, spec) => _quantizers.Create(spec, site.Role == SiteRole.Weight)));
        try
        {
            Log.RunStarted(_logger, _recipe.Name, _options.WeightBits, activationBits, attachment.Bindings.Count, graph.Units.Count, images.shape[0]);
            LogObstacle(images);
            using var checkpoint = run.CheckpointDirectory is null ? null : RunCheckpoint.Open(run.CheckpointDirectory, _options, _recipe, _stages, _loss, graph, batches);
            var progress = new ProgressReporter(run.Progress)
            {
                StageCount = _stages.Count,
                StepsTotal = _stages.Sum(stage => stage.StepsFor(_options, graph.Units.Count)),
            };
            using var kept = FindKeptZeros(graph);
            using var context = new QuantizationContext(
                attachment, floatParameters, batches, _options, _recipe, _quantizers, _loss, _logger, progress, checkpoint, cancellationToken) { Kept = kept };
            foreach (var stage in _stages)
            {
                stage.Check(context);
            }

            var results = RunStages(context, run);
            WeightRounding.Apply(attachment);
            var statistics = StatisticsRun.Take(attachment, CalibrationBatches.First(batches, _options.Calibration.StatisticsImageCount), cancellationToken);
            var report = new QuantizationReport(
                _recipe.Name,
                _options.WeightBits,
                activationBits,
                _options.Seed,
                (int)images.shape[0],
                results,
                [.. context.Units],
                context.CacheBytes,
                clock.Elapsed);
            evaluation.Stay();
            return new QuantizedModel(attachment, report, statistics);
        }
        catch (Exception e)
        {
            attachment.Dispose();
            floatParameters.Restore();
            Log.RunAbandoned(_logger, e);
            throw;
        }
    }

    /// <summary>Does what <see cref="Quantize"/> does on one thread that is not the caller's, from beginning to end.</summary>
    /// <param name="model">Any TorchSharp module graph whose modules are called through <c>call</c>. Nothing else may use it until the task has ended.</param>
    /// <param name="images">Calibration images as the model takes them, [images, ...], on its device; unchanged. They must live until the task has ended. Labels are not needed.</param>
    /// <param name="run">Progress, scores, a checkpoint; their delegates are called on the running thread.</param>
    /// <param name="scheduler">Chooses the thread; null for a thread of its own.</param>
    /// <param name="cancellationToken">Stops the run within one step.</param>
    /// <returns>The quantized model, which belongs to no dispose scope.</returns>
    /// <exception cref="QuantizationException">The graph or the images cannot be quantized as asked.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task<QuantizedModel> QuantizeAsync(
        nn.Module<Tensor, Tensor> model, Tensor images, QuantizationRun? run = null, TaskScheduler? scheduler = null, CancellationToken cancellationToken = default)
    {
        RequireImages(model, images);
        return Task.Factory.StartNew(
            () => Quantize(model, images, run, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, scheduler ?? TaskScheduler.Default);
    }

    private void RequireOrder(Dictionary<string, IQuantizationStage> stagesByName)
    {
        for (var i = 0; i < _stages.Count; i++)
        {
            var stage = _stages[i];
            if (_stages.Skip(i + 1).FirstOrDefault(later => stage.After.Any(name => FormerNames.Stage(name, stagesByName.Keys) == later.Name) && _stages.Take(i).All(earlier => earlier.Name != later.Name)) is { } misplaced)
            {
                throw new OptionsException($"Recipe '{_recipe.Name}' has the stage '{stage.Name}' before '{misplaced.Name}'; expected it behind, for it builds on what '{misplaced.Name}' does.");
            }
        }
    }

    private static void RequireImages(nn.Module<Tensor, Tensor> model, Tensor images)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(images);
        if (images.dim() < 2 || images.shape[0] < 1)
        {
            throw new QuantizationException($"The calibration images have shape [{string.Join(", ", images.shape)}]; expected [images, ...] with at least one image.");
        }
    }

    private PrunedWeights? FindKeptZeros(ModuleGraph graph)
    {
        var pruned = PrunedWeights.Find(graph);
        if (_options.Sparsity == SparsityHandling.Keep)
        {
            return pruned;
        }

        if (pruned.Shares.Count > 0)
        {
            var (layer, share) = pruned.Shares.MaxBy(static entry => entry.Value);
            Log.ZerosMayBeLost(_logger, pruned.Shares.Count, layer, share);
        }

        pruned.Dispose();
        return null;
    }

    private void LogObstacle(Tensor images)
    {
        if (FusedKernels.Obstacle(images) is { } obstacle)
        {
            Log.CudaKernelsUnavailable(_logger, obstacle);
        }
    }

    private List<StageResult> RunStages(QuantizationContext context, QuantizationRun run)
    {
        var results = new List<StageResult>();
        for (var i = 0; i < _stages.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            context.Progress.BeginStage(_stages[i].Name, i);
            var clock = Stopwatch.StartNew();
            using (QuantizationTelemetry.StartStage(_stages[i].Name))
            {
                _stages[i].Run(context);
            }

            var duration = clock.Elapsed;
            Log.StageCompleted(_logger, _stages[i].Name, duration);
            results.Add(new StageResult(_stages[i].Name, duration, Score(context.Graph.Model, run)));
        }

        return results;
    }

    private static double? Score(nn.Module<Tensor, Tensor> model, QuantizationRun run)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return run.Evaluate?.Invoke(model);
    }

    // A pattern that fits nothing is a mistyped one, and what it should have protected would be lost silently.
    private void RequireOverridesToFit(ModuleGraph graph)
    {
        for (var i = 0; i < _options.Overrides.Count; i++)
        {
            var change = _options.Overrides[i];
            var fitting = graph.Sites.Where(change.Fits).ToList();
            if (fitting.Count == 0)
            {
                throw new QuantizationException(
                    FormattableString.Invariant($"{nameof(QuantizationOptions.Overrides)}[{i}].{nameof(SiteOverride.Pattern)} is '{change.Pattern}'{(change.Operand is { } operand ? $" with operand {operand}" : "")}, which fits no site of the model; its sites' paths are {string.Join(", ", graph.Sites.Select(static site => site.Path).Distinct().Take(40))}."));
            }

            if (change.Quantize && (change.Bits ?? (object?)change.Scheme ?? change.Granularity) is not null && !fitting.Exists(site => _recipe.Schemes.ContainsKey(site.Role)))
            {
                throw new QuantizationException(
                    FormattableString.Invariant($"{nameof(QuantizationOptions.Overrides)}[{i}] says how '{fitting[0].Id}'{(fitting.Count > 1 ? FormattableString.Invariant($" and {fitting.Count - 1} more") : "")} is quantized, and recipe '{_recipe.Name}' leaves sites of role {fitting[0].Role} in float. Follow a recipe that quantizes them, or take the override away."));
            }
        }
    }

    // Linear layers that read one LayerNorm's output share a quantizer: its scale moves into all of them or none.
    private Func<Site, IQuantizer?> ChooseQuantizers(ModuleGraph graph, QuantizationRecipe recipe, Func<Site, QuantizerSpec, IQuantizer> create)
    {
        var shared = new Dictionary<(string Producer, QuantizerSpec Spec), IQuantizer>();
        foreach (var group in graph.Sites.Where(static site => site is { Role: SiteRole.PostLayerNorm, Producer: not null }).GroupBy(static site => site.Producer!, StringComparer.Ordinal))
        {
            var specs = group.Select(site => _options.SpecFor(site, recipe)).Distinct().ToList();
            if (specs.Count > 1 && specs.Any(static spec => spec?.Granularity is Granularity.PerChannel))
            {
                throw new QuantizationException(
                    $"Sites {string.Join(", ", group.Select(static site => $"'{site.Id}'"))} read one LayerNorm's output, '{group.Key}', and so share a per-channel quantizer; give them the same override.");
            }
        }

        return site =>
        {
            if (_options.SpecFor(site, recipe) is not { } spec)
            {
                return null;
            }

            if (site is not { Role: SiteRole.PostLayerNorm, Producer: { } producer })
            {
                return create(site, spec);
            }

            if (!shared.TryGetValue((producer, spec), out var quantizer))
            {
                shared[(producer, spec)] = quantizer = create(site, spec);
            }

            return quantizer;
        };
    }

    private static Dictionary<string, T> LastByName<T>(IEnumerable<T> items, Func<T, string> name)
    {
        var result = new Dictionary<string, T>(StringComparer.Ordinal);
        foreach (var item in items)
        {
            result[name(item)] = item;
        }

        return result;
    }
}
