using System.Diagnostics;
using System.Text.Json;
using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.OutputSensitivity;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reconstruction;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Optimization.Telemetry;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.OutputTuning;

/// <summary>
/// Trains the small parameters that stay in float, the biases of layers and the scales and offsets of normalizations, all of the model's together, so that the quantized model's outputs match the float model's: distillation
/// (Hinton et al., arXiv 1503.02531) of the parameters that norm tweaking adjusts in language models (Li et al., arXiv 2309.02784). Weight codes and quantizers are not changed.
/// </summary>
/// <remarks>
/// Units are reconstructed one by one, without regard to what the outputs need of them. Training all weights for the outputs overfits a few hundred images; these parameters are too few to do so. Of the states that are evaluated,
/// including the initial one, the best on the held-out images is kept (<see cref="ReconstructionOptions.HeldOutShare"/>).
/// </remarks>
public sealed class OutputTuningStage : IQuantizationStage
{
    // Gradients of the whole model are in memory for so many images of the usual size at once.
    private const int ImagesAtOnce = 8;
    private const int Looks = 4;

    /// <summary>The unit name under which the report lists the whole model.</summary>
    public const string WholeModel = "model";

    private readonly OutputTuningOptions? _options;

    /// <inheritdoc/>
    public string Name => StageNames.OutputTuning;

    /// <summary>Options of this stage alone, which replace those of the run; null to use the run's.</summary>
    /// <exception cref="OptionsException">An option is out of range.</exception>
    public OutputTuningOptions? Options
    {
        get => _options;
        init
        {
            value?.Validate();
            _options = value is null ? null : value with { };
        }
    }

    string IQuantizationStage.Settings => _options is null ? "" : JsonSerializer.Serialize(_options);

    StageWork IQuantizationStage.WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images)
    {
        var steps = (double)OptionsOf(options).Steps * Math.Min(options.Reconstruction.BatchSize, images);
        return new((1.3 * Looks * images * recipe.LookedAtShareFor(options.Reconstruction)) + steps, 1.3 * steps);
    }

    long IQuantizationStage.StepsFor(QuantizationOptions options, int units) => OptionsOf(options).Steps;

    /// <inheritdoc/>
    public void Check(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (OptionsOf(context.Options).Steps > 0 && Parameters(context.Graph).Count > 0)
        {
            GradientCheck.RequireOutputs(context, Name);
        }
    }

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var clock = Stopwatch.StartNew();
        var steps = OptionsOf(context.Options).Steps;
        var parameters = Parameters(context.Graph);
        if (steps == 0 || parameters.Count == 0)
        {
            context.Progress.EndUnit(steps);
            return;
        }

        using var activity = QuantizationTelemetry.StartUnit(Name, WholeModel);
        context.Progress.BeginUnit(WholeModel, 0, 1, steps);
        List<(string Name, Tensor Value)> state = [.. parameters.Select(static entry => (entry.Name, (Tensor)entry.Parameter))];
        if (context.TryResume(Name, 0, WholeModel, state) is { } earlier)
        {
            context.Progress.EndUnit(steps);
            context.Add(earlier);
            return;
        }

        using var scope = NewDisposeScope();
        var images = ActivationCache.Of(context.Batches);
        var random = new Random(unchecked((context.Options.Seed * 1009) + context.Progress.StageIndex));
        var unseen = new SampleBatch(images.Gather(context.Split.HeldOut));
        var comparison = OutputComparison.Of(context);
        var wanted = InFloat(context, () => Outputs(context.Graph, unseen));
        using var trainable = new TrainableScope(context.Graph.Model, [.. parameters.Select(static entry => entry.Parameter)]);
        using var optimizer = new CosineAdam([.. parameters.Select(entry => ((Tensor)entry.Parameter, OptionsOf(context.Options).LearningRate))], steps);
        using var best = new BestState([.. parameters.Select(static entry => entry.Parameter)]);
        var before = best.Loss = Look();
        var (made, reason) = Train(context, images, optimizer, random, () => best.Offer(Look()));
        best.Restore();
        context.Progress.EndUnit(steps - made);
        var result = new UnitResult
        {
            Unit = WholeModel,
            Stage = Name,
            LossBefore = before,
            LossAfter = best.Loss,
            Iterations = made,
            Duration = clock.Elapsed,
            StopReason = reason,
        };
        context.Keep(0, result, state);
        context.Add(result);

        double Look()
        {
            using var noGrad = no_grad();
            using var inner = NewDisposeScope();
            return comparison.Loss(Outputs(context.Graph, unseen), wanted).item<double>();
        }
    }

    private (int Made, StopReason Reason) Train(QuantizationContext context, ActivationCache images, CosineAdam optimizer, Random random, Action look)
    {
        var steps = OptionsOf(context.Options).Steps;
        int[] training = [.. context.Split.Training];
        var batchSize = Math.Min(context.Options.Reconstruction.BatchSize, training.Length);
        for (var made = 1; made <= steps; made++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            var loss = Step(context, images, RandomChoice.Draw(training, batchSize, random).ToArray(), random);
            optimizer.Step();
            QuantizationTelemetry.Step(StageNames.OutputTuning, batchSize);
            context.Progress.Step(WholeModel, 0, 1, made, steps, loss);
            if (!double.IsFinite(loss))
            {
                return (made, StopReason.Diverged);
            }

            if (made * (long)Looks / steps > (made - 1) * (long)Looks / steps)
            {
                look();
            }
        }

        return (steps, StopReason.Completed);
    }

    private OutputTuningOptions OptionsOf(QuantizationOptions options) => _options ?? options.OutputTuning;

    // Vectors: biases, and what normalisations multiply with and add. Weights have more axes than one.
    private static List<(string Name, Parameter Parameter)> Parameters(ModuleGraph graph) =>
        [.. graph.Model.named_parameters().Where(static entry => entry.parameter.dim() == 1 && is_floating_point(entry.parameter))];

    // Gradients add up in the parameters.
    private double Step(QuantizationContext context, ActivationCache images, int[] chosen, Random random)
    {
        using var gradients = enable_grad();
        var sum = 0.0;
        foreach (var some in chosen.Chunk(CalibrationBatches.AtOnce(context.Batches, ImagesAtOnce, most: int.MaxValue)))
        {
            using var scope = NewDisposeScope();
            var batch = new SampleBatch(images.Gather(some));
            if (OptionsOf(context.Options).FreshViews && RandomViews.AreOf(batch.Inputs))
            {
                batch = batch.Map(input => RandomViews.Of(input, random));
            }

            var wanted = InFloat(context, () => context.Graph.Forward.Run(batch));
            var loss = OutputComparison.Of(context).Loss(context.Graph.Forward.Run(batch), wanted).Times((double)some.Length / chosen.Length);
            loss.backward();
            sum += loss.item<double>();
        }

        return sum;
    }

    private static IReadOnlyList<Tensor> InFloat(QuantizationContext context, Func<IReadOnlyList<Tensor>> forward)
    {
        using var noGrad = no_grad();
        using var suspended = context.Attachment.Suspend();
        using var original = context.FloatParameters.Use();
        return forward();
    }

    private static IReadOnlyList<Tensor> Outputs(ModuleGraph graph, SampleBatch images)
    {
        using var scope = NewDisposeScope();
        var parts = images.Split(CalibrationBatches.AtOnce([images], CalibrationBatches.SmallestBatch)).Select(graph.Forward.Run).ToList();
        return [.. parts[0].Select((_, i) => scope.MoveToOuter(cat([.. parts.Select(part => part[i])])))];
    }
}
