using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Memory;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Makes a quantized unit's output match the float one's by training the unit's weights and biases (eq. 12).</summary>
internal sealed class UnitReconstructor(
    GraphAttachment attachment,
    IReconstructionLoss loss,
    ReconstructionOptions options,
    ProductPrecision precision,
    CalibrationSplit split,
    double dropProbability)
{
    /// <summary>The least that a loss is divided by, as in GLF-Q.</summary>
    public const double SmallestLoss = 1e-12;

    private double _firstLoss = 1;

    public delegate void IterationCallback(int iteration, int images, double loss);

    /// <summary>Reconstructs a unit and leaves it in the best state seen, the initial one included.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="forward">Runs it.</param>
    /// <param name="parameters">Its weights and biases.</param>
    /// <param name="zeros">For each parameter which of its elements are to stay 0, bool, of its shape; null where none are.</param>
    /// <param name="learned">What its quantizers learn, see <see cref="Core.Quantization.ILearnableQuantizer"/>.</param>
    /// <param name="inputs">What it reads.</param>
    /// <param name="floatInputs">What it would read in the float model; null if that is the same.</param>
    /// <param name="targets">What it should give.</param>
    /// <param name="importance">For each output how much an error of each of its elements counts; null if all count alike.</param>
    /// <param name="outputs">What its errors cost at the model's outputs; null if they do not count.</param>
    /// <param name="iterations">The steps.</param>
    /// <param name="learningRate">Adam's rate at the first step.</param>
    /// <param name="random">Draws the images of a step.</param>
    /// <param name="onIteration">Told of each step.</param>
    /// <param name="cancellationToken">Stops between steps.</param>
    /// <returns>The loss over the images that are held out before and after, the steps made, and why they ended.</returns>
    public (double Before, double After, int Iterations, StopReason Reason) Reconstruct(
        Unit unit,
        UnitForward forward,
        IReadOnlyList<Parameter> parameters,
        IReadOnlyList<Tensor?> zeros,
        IReadOnlyList<Tensor> learned,
        ActivationCache inputs,
        ActivationCache? floatInputs,
        ActivationCache targets,
        IReadOnlyList<Tensor?> importance,
        UnitOutputLoss? outputs,
        int iterations,
        double learningRate,
        Random random,
        IterationCallback? onIteration,
        CancellationToken cancellationToken)
    {
        using var trainable = new TrainableScope(attachment.Graph.Model, parameters);
        using var optimizer = new CosineAdam([.. parameters.Select(parameter => ((Tensor)parameter, learningRate)), .. learned.Select(vector => (vector, options.QuantizerLearningRate))], iterations);
        using var best = new BestState([.. parameters, .. learned]);
        var before = Evaluate(forward, inputs, targets, importance, cancellationToken);
        if (outputs is not null)
        {
            _firstLoss = Math.Max(before, SmallestLoss);
            before = (before / _firstLoss) + (options.OutputWeight * outputs.Find(split.HeldOut));
        }

        best.Loss = before;
        var reason = StopReason.Completed;
        var evaluations = Math.Min(options.Evaluations, iterations);
        var nextEvaluation = 1;
        int[] permutation = [.. split.Training];
        var batchSize = Math.Min(options.BatchSize, permutation.Length);
        using var masks = dropProbability > 0 ? new DropMasks(dropProbability, random) : null;
        var step = 0;
        try
        {
            while (step < iterations)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var value = Iterate(unit, forward, inputs, floatInputs, targets, importance, outputs, RandomChoice.Draw(permutation, batchSize, random), masks, optimizer, parameters, zeros);
                step++;
                onIteration?.Invoke(step, batchSize, value);
                if (!double.IsFinite(value))
                {
                    reason = StopReason.Diverged;
                    break;
                }

                if (step * (long)evaluations >= nextEvaluation * (long)iterations)
                {
                    nextEvaluation++;
                    var own = Evaluate(forward, inputs, targets, importance, cancellationToken) / _firstLoss;
                    best.Offer(outputs is null ? own : own + (options.OutputWeight * outputs.Find(split.HeldOut)));
                }
            }
        }
        finally
        {
            best.Restore();
        }

        return (before, best.Loss, step, reason);
    }

    private double Iterate(
        Unit unit, UnitForward forward, ActivationCache inputs, ActivationCache? floatInputs, ActivationCache targets, IReadOnlyList<Tensor?> importance, UnitOutputLoss? outputs, ReadOnlySpan<int> indices, DropMasks? masks, CosineAdam optimizer,
        IReadOnlyList<Parameter> parameters, IReadOnlyList<Tensor?> zeros)
    {
        using var scope = NewDisposeScope();
        using var gradients = enable_grad();
        using var narrowed = precision.Use();
        var input = inputs.Gather(indices);
        if (masks is not null && floatInputs is not null)
        {
            input = Mix(inputs, input, floatInputs.Gather(indices), masks);
        }

        var target = targets.Gather(indices);
        IReadOnlyList<Tensor> output;
        using (masks is null ? null : new DroppedRoundings([.. attachment.Bindings.Where(binding => !binding.IsWeight && unit.Contains(binding.Site.Path))], masks))
        {
            output = forward.Run(input);
        }

        var value = Loss(targets, output, target, importance).Times(1 / _firstLoss);
        value.backward();
        var all = value.to(float64).item<double>() + (outputs?.Backward(indices.ToArray(), options.OutputWeight) ?? 0);
        for (var i = 0; i < parameters.Count; i++)
        {
            // What has no gradient takes no step.
            if (zeros[i] is { } kept && parameters[i].grad is { } gradient)
            {
                gradient.mul_(kept.logical_not());
            }
        }

        optimizer.Step();
        return all;
    }

    // Element by element one or the other, for a mask of an attention may hold infinities.
    private static List<Tensor> Mix(ActivationCache inputs, IReadOnlyList<Tensor> quantized, IReadOnlyList<Tensor> wanted, DropMasks masks) =>
        [.. quantized.Select((x, i) => inputs.IsShared(i) || !is_floating_point(x) ? x : where(masks.Next(x).to(ScalarType.Bool), wanted[i], x))];

    private double Evaluate(UnitForward forward, ActivationCache inputs, ActivationCache targets, IReadOnlyList<Tensor?> importance, CancellationToken cancellationToken)
    {
        using var noGrad = no_grad();
        var (sum, elements) = (0.0, 0L);
        void Add(IReadOnlyList<Tensor> input, IReadOnlyList<Tensor> target, long images)
        {
            var output = forward.Run(input);
            elements = output.Max(static tensor => tensor.NumberOfElements);
            sum += Loss(targets, output, target, importance).to(float64).item<double>() * images;
        }

        if (split.IsSplit)
        {
            foreach (var some in split.HeldOut.Chunk(options.BatchSize))
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                Add(inputs.Gather(some), targets.Gather(some), some.Length);
            }
        }
        else
        {
            for (var i = 0; i < inputs.BatchCount; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                Add(inputs.Batch(i), targets.Batch(i), inputs.SamplesIn(i));
            }
        }

        // A step needs blocks of other sizes.
        NativeHeap.ReturnFreed(elements);

        return sum / split.HeldOut.Length;
    }

    // The sum over the unit's outputs.
    private Tensor Loss(ActivationCache targets, IReadOnlyList<Tensor> outputs, IReadOnlyList<Tensor> wanted, IReadOnlyList<Tensor?> importance)
    {
        Tensor? sum = null;
        for (var i = 0; i < outputs.Count; i++)
        {
            var (output, target) = (targets.SamplesFirst(outputs[i], i), targets.SamplesFirst(wanted[i], i));
            var value = importance[i] is { } counts ? loss.Compute(output, target, counts) : loss.Compute(output, target);
            sum = sum is null ? value : sum.Plus(value);
        }

        return sum!;
    }
}
