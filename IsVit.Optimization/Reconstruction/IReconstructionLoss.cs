using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>How far a quantized unit's output is from the float one.</summary>
public interface IReconstructionLoss
{
    /// <summary>The loss, differentiable in <paramref name="output"/>.</summary>
    /// <param name="output">What the quantized unit gives, [batch, ...].</param>
    /// <param name="target">What the float unit gives, same shape.</param>
    /// <returns>A scalar that is a mean over the batch, so that batches of different sizes can be averaged by size.</returns>
    Tensor Compute(Tensor output, Tensor target);
}
