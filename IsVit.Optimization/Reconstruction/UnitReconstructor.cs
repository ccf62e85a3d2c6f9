using System.Diagnostics;
using IsVit.Core.Graph;
using IsVit.Core.Memory;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Makes a quantized unit's output match the float one's by training the unit's weights and biases (eq. 12).</summary>
internal sealed class UnitReconstructor(
    GraphAttachment attachment,
    IReconstructionLoss loss,
    ReconstructionOptions options,
    ProductPrecision precision)
{
    public delegate void IterationCallback(int iteration, double loss);

    /// <summary>Reconstructs a unit and leaves it in the best state seen, the initial one included.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="parameters">Its weights and biases.</param>
    /// <param name="learned">What its quantizers learn, see <see cref="Core.Quantization.ILearnableQuantizer"/>.</param>
    /// <param name="inputs">What it reads.</param>
    /// <param name="targets">What it should give.</param>
    /// <param name="outputWeights">How much an error of each number of its output counts; null if all count alike.</param>
    /// <param name="iterations">The steps.</param>
    /// <param name="learningRate">Adam's rate at the first step.</param>
    /// <param name="random">Draws the images of a step.</param>
    /// <param name="onIteration">Told of each step.</param>
    /// <param name="cancellationToken">Stops between steps.</param>
    /// <returns>The loss over all images before and after, the steps made, and why they ended.</returns>
    public (double Before, double After, int Iterations, StopReason Reason) Reconstruct(
        Unit unit,
        IReadOnlyList<Parameter> parameters,
        IReadOnlyList<Tensor> learned,
        ActivationCache inputs,
        ActivationCache targets,
        Tensor? outputWeights,
        int iterations,
        double learningRate,
        Random random,
        IterationCallback? onIteration,
        CancellationToken cancellationToken)
    {
        var module = (nn.Module<Tensor, Tensor>)attachment.Graph.Modules[unit.Path];
        using var trainable = new TrainableScope(attachment.Graph.Model, parameters);
        using var optimizer = new CosineAdam([.. parameters.Select(parameter => ((Tensor)parameter, learningRate)), .. learned.Select(vector => (vector, options.QuantizerLearningRate))], iterations);
        using var best = new BestState([.. parameters, .. learned]);
        using var factor = outputWeights?.sqrt();
        var before = best.Loss = Evaluate(module, inputs, targets, factor, cancellationToken);
        var reason = StopReason.Completed;
        var evaluations = Math.Min(options.Evaluations, iterations);
        var nextEvaluation = 1;
        var permutation = Enumerable.Range(0, inputs.Count).ToArray();
        var batchSize = Math.Min(options.BatchSize, inputs.Count);
        var step = 0;
        try
        {
            while (step < iterations)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var value = Iterate(module, inputs, targets, factor, RandomChoice.Draw(permutation, batchSize, random), optimizer);
                step++;
                onIteration?.Invoke(step, value);
                if (!double.IsFinite(value))
                {
                    reason = StopReason.Diverged;
                    break;
                }

                if (step * (long)evaluations >= nextEvaluation * (long)iterations)
                {
                    nextEvaluation++;
                    best.Offer(Evaluate(module, inputs, targets, factor, cancellationToken));
                }
            }
        }
        finally
        {
            best.Restore();
        }

        return (before, best.Loss, step, reason);
    }

    private double Iterate(nn.Module<Tensor, Tensor> module, ActivationCache inputs, ActivationCache targets, Tensor? factor, ReadOnlySpan<int> indices, CosineAdam optimizer)
    {
        using var scope = NewDisposeScope();
        using var narrowed = precision.Use();
        var input = inputs.Gather(indices);
        var target = targets.Gather(indices);
        var value = Loss(targets.ImagesFirst(module.call(input)), targets.ImagesFirst(target), factor);
        value.backward();
        optimizer.Step();
        return value.to(float64).item<double>();
    }

    private double Evaluate(nn.Module<Tensor, Tensor> module, ActivationCache inputs, ActivationCache targets, Tensor? factor, CancellationToken cancellationToken)
    {
        using var noGrad = no_grad();
        var (sum, elements) = (0.0, 0L);
        for (var i = 0; i < inputs.BatchCount; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var output = module.call(inputs.Batch(i));
            elements = output.NumberOfElements;
            sum += Loss(targets.ImagesFirst(output), targets.ImagesFirst(targets.Batch(i)), factor).to(float64).item<double>() * inputs.ImagesIn(i);
        }

        // A step needs blocks of other sizes.
        NativeHeap.ReturnFreed(elements);

        return sum / inputs.Count;
    }

    // Any loss of differences becomes a weighted one when what it compares is scaled.
    private Tensor Loss(Tensor output, Tensor target, Tensor? factor) =>
        factor is null ? loss.Compute(output, target) : loss.Compute(output * factor, target * factor);
}
