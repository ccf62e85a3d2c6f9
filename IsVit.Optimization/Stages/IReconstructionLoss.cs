using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>How far a quantized unit's output is from the float one. A checkpoint tells losses apart by type and <see cref="object.ToString"/>: one with parameters should name them there, as records do.</summary>
public interface IReconstructionLoss
{
    /// <summary>The loss, differentiable in <paramref name="output"/>.</summary>
    /// <param name="output">What the quantized unit gives, [batch, ...].</param>
    /// <param name="target">What the float unit gives, same shape.</param>
    /// <returns>A scalar that is a mean over the batch, so that batches of different sizes can be averaged by size.</returns>
    Tensor Compute(Tensor output, Tensor target);

    /// <summary>The loss where elements of the output are not equally important to the model's outputs (<see cref="OutputSensitivity.OutputSensitivityStage"/>). Without an implementation of its own a loss is not told, and takes all elements alike.</summary>
    /// <param name="output">What the quantized unit gives, [batch, ...].</param>
    /// <param name="target">What the float unit gives, same shape.</param>
    /// <param name="importance">How much an error of each element counts: mean 1, [...] as the output of one image.</param>
    /// <returns>A scalar that is a mean over the batch.</returns>
    Tensor Compute(Tensor output, Tensor target, Tensor importance) => Compute(output, target);
}
