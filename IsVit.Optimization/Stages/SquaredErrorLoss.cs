using IsVit.Core.Arithmetic;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>
/// The squared error (eq. 12), reduced as in the released code for tokens [batch, tokens, width]: summed over the tokens, averaged over the other axes. In [batch, rows, columns, width], rows and columns are token axes too.
/// </summary>
public sealed class SquaredErrorLoss : IReconstructionLoss
{
    /// <inheritdoc/>
    public Tensor Compute(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);

        // The mean over everything times the number of tokens is the same number with one reduction. An output without tokens is summed over its width.
        var mean = nn.functional.mse_loss(output, target);
        var tokens = output.dim() == 2 ? output.shape[1] : output.shape.Skip(1).SkipLast(1).Aggregate(1L, static (product, length) => product * length);
        return mean.Times(tokens);
    }

    /// <inheritdoc/>
    public Tensor Compute(Tensor output, Tensor target, Tensor importance)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(importance);

        // A square counts by what its root is scaled by.
        var factor = importance.sqrt();
        return Compute(output.mul(factor), target.mul(factor));
    }
}
