using System.Diagnostics;
using IsVit.Core.Graph;
using IsVit.Core.Memory;
using IsVit.Core.Quantization;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Drift;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Optimization.Telemetry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using static TorchSharp.torch;

namespace IsVit.Optimization;

/// <summary>Quantizes a model according to a recipe, by default I&amp;S-ViT (arXiv 2311.10126).</summary>
public sealed partial class ModelQuantizer
{
    private readonly QuantizationOptions _options;
    private readonly QuantizationRecipe _recipe;
    private readonly QuantizerRegistry _quantizers;
    private readonly IReconstructionLoss _loss;
    private readonly ILogger _logger;

    /// <summary>Creates a quantizer from its parts. <see cref="Create"/> creates one from the built-in parts.</summary>
    /// <param name="options">The options.</param>
    /// <param name="quantizers">Creates quantizers by scheme.</param>
    /// <param name="recipes">The recipes; of two with the same name the later one is used.</param>
    /// <param name="stages">Stages that replace those with the same name in the recipe; of two with the same name the later one is used.</param>
    /// <param name="loss">Measures how far a unit's output is from the float one.</param>
    /// <param name="logger">The log; null for none.</param>
    /// <exception cref="OptionsException">An option is out of range, or names a recipe or a scheme that does not exist.</exception>
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
        var recipe = recipesByName[FormerNames.Recipe(options.Recipe, recipesByName.Keys)];
        var replacing = LastByName(stages, static stage => FormerNames.Stage(stage.Name));
        _recipe = recipe with { Stages = [.. recipe.Stages.Select(stage => replacing.GetValueOrDefault(stage.Name, stage))] };
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
            [],
            new SquaredErrorLoss(),
            logger);
    }

    /// <summary>
    /// Quantizes a model in place: its weights are changed, its matrix products use quantized values until the result is disposed, and it stays in evaluation mode.
    /// A run that fails or is cancelled restores the model and removes all hooks.
    /// </summary>
    /// <param name="model">Any TorchSharp module graph whose modules are called through <c>call</c>.</param>
    /// <param name="images">Calibration images as the model takes them, [images, ...], on its device; not changed. Labels are not needed.</param>
    /// <param name="run">Progress, scores, a checkpoint.</param>
    /// <param name="cancellationToken">Stops the run within one iteration.</param>
    /// <returns>The quantized model; disposing it removes the hooks and leaves the model with its quantized weights.</returns>
    /// <exception cref="QuantizationException">The graph or the images cannot be quantized as asked.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public QuantizedModel Quantize(nn.Module<Tensor, Tensor> model, Tensor images, QuantizationRun? run = null, CancellationToken cancellationToken = default)
    {
        using var samples = Samples(model, images);
        return Quantize(ModelForward.Of(model), samples, run, cancellationToken);
    }

    /// <summary>Quantizes a model of any inputs and outputs in place, in the same way as the other overload.</summary>
    /// <param name="model">Any TorchSharp module graph, together with how a batch is passed through it: <see cref="ModelForward.Of"/> for a model that takes tensors.</param>
    /// <param name="samples">Calibration samples as the model takes them, on its device; not changed. Labels are not needed.</param>
    /// <param name="run">Progress, scores, a checkpoint.</param>
    /// <param name="cancellationToken">Stops the run within one iteration.</param>
    /// <returns>The quantized model; disposing it removes the hooks and leaves the model with its quantized weights.</returns>
    /// <exception cref="QuantizationException">The graph or the samples cannot be quantized as asked.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public QuantizedModel Quantize(ModelForward model, InMemorySamples samples, QuantizationRun? run = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        run ??= new QuantizationRun();
        var activationBits = _recipe.QuantizesActivations ? _options.ActivationBits : QuantizationReport.FloatActivationBits;
        using var activity = QuantizationTelemetry.StartRun(_recipe.Name, _options.WeightBits, activationBits);
        var clock = Stopwatch.StartNew();
        OpenMpTeam.Adopt();
        using var differentiable = inference_mode(false);
        using var scope = NewDisposeScope();
        using var context = Prepare(model, samples, run, cancellationToken);
        try
        {
            Log.RunStarted(_logger, _recipe.Name, _options.WeightBits, activationBits, context.Attachment.Bindings.Count, context.Graph.Units.Count, samples.Count);
            foreach (var stage in _recipe.Stages)
            {
                stage.Check(context);
            }

            var memory = _recipe.Stages.Select(stage => stage.MemoryFor(context)).DefaultIfEmpty().Max();
            var results = RunStages(context, run);
            WeightRounding.Apply(context.Attachment);
            var statistics = StatisticsRun.Take(context.Attachment, CalibrationBatches.First(context.Batches, _options.Calibration.StatisticsImageCount), cancellationToken);
            var report = new QuantizationReport
            {
                Recipe = _recipe.Name,
                WeightBits = _options.WeightBits,
                ActivationBits = activationBits,
                Seed = _options.Seed,
                ImageCount = (int)samples.Count,
                Stages = results,
                Units = [.. context.Units],
                CacheBytes = memory,
                Duration = clock.Elapsed,
            };
            context.ReleaseResults();
            if (context.Attachment.Bindings.All(static binding => !binding.Quantizer.IsCalibrated))
            {
                Log.NothingQuantized(_logger, _recipe.Name);
            }

            context.Complete();
            return new QuantizedModel(context.Attachment, report, statistics);
        }
        catch (Exception e)
        {
            Log.RunAbandoned(_logger, e);
            throw;
        }
    }

    /// <summary>Runs <see cref="Quantize(nn.Module{Tensor, Tensor}, Tensor, QuantizationRun?, CancellationToken)"/> from beginning to end on one thread other than the caller's.</summary>
    /// <param name="model">Any TorchSharp module graph whose modules are called through <c>call</c>. Nothing else may use it until the task has ended.</param>
    /// <param name="images">Calibration images as the model takes them, [images, ...], on its device; not changed. They must live until the task has ended. Labels are not needed.</param>
    /// <param name="run">Progress, scores, a checkpoint; its delegates are called on the thread of the run.</param>
    /// <param name="scheduler">Chooses the thread; null for a dedicated thread.</param>
    /// <param name="cancellationToken">Stops the run within one iteration.</param>
    /// <returns>The quantized model, which does not belong to a dispose scope.</returns>
    /// <exception cref="QuantizationException">The graph or the images cannot be quantized as asked.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task<QuantizedModel> QuantizeAsync(
        nn.Module<Tensor, Tensor> model, Tensor images, QuantizationRun? run = null, TaskScheduler? scheduler = null, CancellationToken cancellationToken = default)
    {
        var samples = Samples(model, images);
        return QuantizeAsync(ModelForward.Of(model), samples, run, scheduler, cancellationToken);
    }

    /// <summary>Runs <see cref="Quantize(ModelForward, InMemorySamples, QuantizationRun?, CancellationToken)"/> from beginning to end on one thread other than the caller's.</summary>
    /// <param name="model">Any TorchSharp module graph, together with how a batch is passed through it. Nothing else may use it until the task has ended.</param>
    /// <param name="samples">Calibration samples as the model takes them, on its device; not changed. They must live until the task has ended.</param>
    /// <param name="run">Progress, scores, a checkpoint; its delegates are called on the thread of the run.</param>
    /// <param name="scheduler">Chooses the thread; null for a dedicated thread.</param>
    /// <param name="cancellationToken">Stops the run within one iteration.</param>
    /// <returns>The quantized model, which does not belong to a dispose scope.</returns>
    /// <exception cref="QuantizationException">The graph or the samples cannot be quantized as asked.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task<QuantizedModel> QuantizeAsync(
        ModelForward model, InMemorySamples samples, QuantizationRun? run = null, TaskScheduler? scheduler = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        return Task.Factory.StartNew(
            () => Quantize(model, samples, run, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, scheduler ?? TaskScheduler.Default);
    }

    private static InMemorySamples Samples(nn.Module<Tensor, Tensor> model, Tensor images)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(images);
        if (images.dim() < 2 || images.shape[0] < 1)
        {
            throw new QuantizationException($"The calibration images have shape [{string.Join(", ", images.shape)}]; expected [images, ...] with at least one image.");
        }

        return new InMemorySamples([images]);
    }

    private List<StageResult> RunStages(QuantizationContext context, QuantizationRun run)
    {
        var results = new List<StageResult>();
        for (var i = 0; i < _recipe.Stages.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            context.Progress.BeginStage(_recipe.Stages[i].Name, i);
            var clock = Stopwatch.StartNew();
            using (QuantizationTelemetry.StartStage(_recipe.Stages[i].Name))
            {
                _recipe.Stages[i].Run(context);
            }

            var duration = clock.Elapsed;
            Log.StageCompleted(_logger, _recipe.Stages[i].Name, duration);
            results.Add(new StageResult(_recipe.Stages[i].Name, duration, Score(context.Graph.Forward, run)));
        }

        return results;
    }

    private static double? Score(ModelForward model, QuantizationRun run)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return run.Evaluate?.Invoke(model);
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
