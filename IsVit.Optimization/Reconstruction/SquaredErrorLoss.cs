using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>The squared error (eq. 12) as the released code reduces it: summed over axis 1, averaged over the rest.</summary>
public sealed class SquaredErrorLoss : IReconstructionLoss
{
    /// <inheritdoc/>
    public Tensor Compute(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);

        // The mean over everything times the length of axis 1 is the same number with one reduction.
        var mean = nn.functional.mse_loss(output, target);
        return output.dim() > 1 ? mean * output.shape[1] : mean;
    }
}
