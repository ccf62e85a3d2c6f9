using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>Measures how far a quantized unit's output is from the float one. A checkpoint distinguishes losses by type and <see cref="object.ToString"/>: a loss with parameters should include them there, as records do.</summary>
public interface IReconstructionLoss
{
    /// <summary>Computes the loss, differentiable with respect to <paramref name="output"/>.</summary>
    /// <param name="output">The quantized unit's output, [batch, ...].</param>
    /// <param name="target">The float unit's output, same shape.</param>
    /// <returns>A scalar that is a mean over the batch, so that batches of different sizes can be averaged with their sizes as weights.</returns>
    Tensor Compute(Tensor output, Tensor target);

    /// <summary>
    /// Computes the loss when the elements of the output are not equally important to the model's outputs (<see cref="OutputSensitivity.OutputSensitivityStage"/>).
    /// A loss that does not implement this overload ignores the importance and weights all elements equally.
    /// </summary>
    /// <param name="output">The quantized unit's output, [batch, ...].</param>
    /// <param name="target">The float unit's output, same shape.</param>
    /// <param name="importance">The weight of each element's error: mean 1, [...] as the output of one image.</param>
    /// <returns>A scalar that is a mean over the batch.</returns>
    Tensor Compute(Tensor output, Tensor target, Tensor importance) => Compute(output, target);
}
