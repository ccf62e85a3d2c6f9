using System.Diagnostics;
using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
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
/// Trains what stays in float and is small, the biases of layers and the scales and offsets of normalisations, all of the model's at once, so that the quantized model's outputs are the float model's: distillation
/// (Hinton et al., arXiv 1503.02531) of the parameters that norm tweaking moves in language models (Li et al., arXiv 2309.02784). Codes of weights and quantizers stay as they are.
/// </summary>
/// <remarks>
/// Units are reconstructed one by one, and none knows what the outputs need of it. Training all weights for that learns a few hundred images by heart; these parameters are too few to. Of the states that were looked at the one stays,
/// the initial one included, that serves those images best that no step was taken on (<see cref="ReconstructionOptions.HeldOutShare"/>).
/// </remarks>
public sealed class OutputTuningStage : IQuantizationStage
{
    // Gradients of the whole model are in memory for images of so many numbers at once: eight of 224 x 224 in three channels.
    private const long NumbersAtOnce = 8 * 3 * 224 * 224;
    private const int FewestAtOnce = 8;
    private const int Looks = 4;

    /// <summary>What the report calls all units together.</summary>
    public const string WholeModel = "model";

    /// <inheritdoc/>
    public string Name => StageNames.OutputTuning;

    StageWork IQuantizationStage.WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images)
    {
        var steps = (double)options.OutputTuning.Steps * Math.Min(options.Reconstruction.BatchSize, images);
        return new((1.3 * Looks * images * options.Reconstruction.LookedAtShare(recipe)) + steps, 1.3 * steps);
    }

    long IQuantizationStage.StepsFor(QuantizationOptions options, int units) => options.OutputTuning.Steps;

    /// <inheritdoc/>
    public void Check(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Options.OutputTuning.Steps > 0 && Parameters(context.Graph).Count > 0)
        {
            GradientCheck.RequireOutputs(context, Name);
        }
    }

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var clock = Stopwatch.StartNew();
        var steps = context.Options.OutputTuning.Steps;
        var parameters = Parameters(context.Graph);
        if (steps == 0 || parameters.Count == 0)
        {
            context.Progress.EndUnit(steps);
            return;
        }

        using var activity = QuantizationTelemetry.StartUnit(Name, WholeModel);
        context.Progress.BeginUnit(WholeModel, 0, 1, steps);
        if (context.Checkpoint?.TryLoadUnit(context.Progress.StageIndex, Name, 0, WholeModel, parameters, []) is { } earlier)
        {
            context.Progress.EndUnit(steps);
            context.Add(earlier);
            return;
        }

        using var scope = NewDisposeScope();
        var images = new ActivationCache(context.Batches, axis: 0, [.. context.Batches.Select(static batch => batch.shape[0])]);
        var random = new Random(unchecked((context.Options.Seed * 1009) + context.Progress.StageIndex));
        var unseen = images.Gather(context.Split.HeldOut);
        var wanted = InFloat(context, () => Outputs(context.Graph, unseen));
        using var trainable = new TrainableScope(context.Graph.Model, [.. parameters.Select(static entry => entry.Parameter)]);
        using var optimizer = new CosineAdam([.. parameters.Select(entry => ((Tensor)entry.Parameter, context.Options.OutputTuning.LearningRate))], steps);
        using var best = new BestState([.. parameters.Select(static entry => entry.Parameter)]);
        var before = best.Loss = Look();
        var (made, reason) = Train(context, images, optimizer, random, () => best.Offer(Look()));
        best.Restore();
        context.Progress.EndUnit(steps - made);
        var result = new UnitResult(WholeModel, Name, before, best.Loss, made, clock.Elapsed, reason);
        context.Checkpoint?.SaveUnit(context.Progress.StageIndex, 0, result, parameters, []);
        context.Add(result);

        double Look()
        {
            using var noGrad = no_grad();
            using var inner = NewDisposeScope();
            return Loss(context, Outputs(context.Graph, unseen), wanted).item<double>();
        }
    }

    private static (int Made, StopReason Reason) Train(QuantizationContext context, ActivationCache images, CosineAdam optimizer, Random random, Action look)
    {
        var steps = context.Options.OutputTuning.Steps;
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

    // Vectors: biases, and what normalisations multiply with and add. Weights have more axes than one.
    private static List<(string Name, Parameter Parameter)> Parameters(ModuleGraph graph) =>
        [.. graph.Model.named_parameters().Where(static entry => entry.parameter.dim() == 1 && is_floating_point(entry.parameter))];

    // Gradients add up in the parameters.
    private static double Step(QuantizationContext context, ActivationCache images, int[] chosen, Random random)
    {
        using var gradients = enable_grad();
        var sum = 0.0;
        var atOnce = (int)Math.Clamp(NumbersAtOnce * context.Batches[0].shape[0] / context.Batches[0].numel(), FewestAtOnce, int.MaxValue);
        foreach (var some in chosen.Chunk(atOnce))
        {
            using var scope = NewDisposeScope();
            var batch = images.Gather(some);
            if (context.Options.OutputTuning.FreshViews && RandomViews.AreOf(batch))
            {
                batch = RandomViews.Of(batch, random);
            }

            var wanted = InFloat(context, () => context.Graph.Model.call(batch));
            var loss = Loss(context, context.Graph.Model.call(batch), wanted).Times((double)some.Length / chosen.Length);
            loss.backward();
            sum += loss.item<double>();
        }

        return sum;
    }

    private static Tensor InFloat(QuantizationContext context, Func<Tensor> forward)
    {
        using var noGrad = no_grad();
        using var suspended = context.Attachment.Suspend();
        using var original = context.FloatParameters.Use();
        return forward();
    }

    private static Tensor Outputs(ModuleGraph graph, Tensor images)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(cat([.. images.split(CalibrationBatches.SmallestBatch).Select(graph.Model.call)]));
    }

    // The divergence of the class probabilities, which is blind to what all logits of an image have in common, and the squared error beside it; of plain outputs the error alone, by their variance.
    private static Tensor Loss(QuantizationContext context, Tensor outputs, Tensor wanted)
    {
        var (found, target) = (outputs.to(float64), wanted.to(float64));
        var error = (found - target).Squared().mean();
        if (!OutputMetrics.HasClasses(wanted, context.Options.OutputMetric))
        {
            return error / target.var().AtLeast(double.Epsilon);
        }

        var logarithms = nn.functional.log_softmax(target, 1);
        return (logarithms.exp() * (logarithms - nn.functional.log_softmax(found, 1))).sum().Over(target.numel() / target.shape[1]).Plus(error);
    }
}
