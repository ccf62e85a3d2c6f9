using IsVit.Core.Quantization;
using IsVit.Optimization.Calibration;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.OutputSensitivity;

/// <summary>
/// Measures how much each number that a unit of the float model gives changes the model's outputs, over the images that quantizers are calibrated on: the diagonal of J^T J, J
/// being the outputs' derivatives (a Gauss-Newton matrix, as in BRECQ; Li et al., arXiv 2102.05426, section 3.2). Reconstruction weighs a unit's errors with it.
/// </summary>
/// <remarks>
/// J is not formed: the squared derivative of the outputs' sum with random weights of variance 1 has that diagonal as its mean (Hutchinson's estimator), here taken over one draw
/// an image. Labels are not needed. A class token, which alone is read at the end, weighs far more than one of the patches, and patches weigh nothing behind the last attention.
/// </remarks>
public sealed class OutputSensitivityStage : IQuantizationStage
{
    // Gradients of the whole model are in memory for these at once.
    private const int ImagesAtOnce = 8;

    /// <inheritdoc/>
    public string Name => StageNames.OutputSensitivity;

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var units = context.Graph.Units;
        var sums = new Tensor?[units.Count];
        var outputs = new Tensor?[units.Count];
        var removals = new List<Action>();
        using var scope = NewDisposeScope();
        using var suspended = context.Attachment.Suspend();
        using var original = context.FloatParameters.Use();
        using var gradients = enable_grad();
        using var random = new Generator((ulong)context.Options.Seed);
        for (var i = 0; i < units.Count; i++)
        {
            var index = i;
            removals.Add(((nn.Module<Tensor, Tensor>)context.Graph.Modules[units[i].Path]).register_forward_hook((_, _, output) =>
            {
                // A model may dispose what it is done with; what it goes on with is therefore another view of the output.
                outputs[index]?.Dispose();
                outputs[index] = output.DetachFromDisposeScope();
                return output.alias();
            }).remove);
        }

        try
        {
            foreach (var images in CalibrationBatches.First(context.Batches, context.Options.Calibration.ImageCount).split(ImagesAtOnce))
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                using var chunk = NewDisposeScope();
                var result = context.Graph.Model.call(images.detach().clone().requires_grad_(true));
                using var draws = randn(result.shape, generator: random);
                var derivatives = autograd.grad([(result * draws.to(result.dtype, result.device)).sum()], [.. outputs.Select(static output => output!)], allow_unused: true);
                for (var i = 0; i < units.Count; i++)
                {
                    Add(ref sums[i], derivatives[i]);
                }
            }
        }
        finally
        {
            removals.ForEach(static remove => remove());
            foreach (var output in outputs)
            {
                output?.Dispose();
            }
        }

        context.OutputWeights = Enumerable.Range(0, units.Count)
            .Where(index => sums[index] is not null)
            .ToDictionary(index => units[index].Path, index => scope.MoveToOuter(Normalized(units[index].Path, sums[index]!)), StringComparer.Ordinal);
    }

    private static void Add(ref Tensor? sum, Tensor? derivative)
    {
        if (derivative is null || derivative.IsInvalid || derivative.dim() < 2)
        {
            return;
        }

        var squares = derivative.detach().to(float64).pow(2).sum(0L);
        if (sum is null)
        {
            sum = squares.MoveToOuterDisposeScope();
        }
        else
        {
            sum.add_(squares);
        }
    }

    private static Tensor Normalized(string unit, Tensor sum)
    {
        var mean = sum.mean().item<double>();
        return !double.IsFinite(mean)
            ? throw new QuantizationException($"The derivatives of the model's outputs by the outputs of unit '{unit}' hold a NaN or an infinity; expected finite numbers.")
            : mean > 0 ? (sum / mean).to(float32) : ones_like(sum).to(float32);
    }
}
