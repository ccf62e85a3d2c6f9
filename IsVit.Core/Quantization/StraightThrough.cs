using IsVit.Core.Arithmetic;
using TorchSharp;

namespace IsVit.Core.Quantization;

/// <summary>Rounding whose gradient is the identity (straight-through estimator; Bengio et al., arXiv 1308.3432).</summary>
public static class StraightThrough
{
    /// <summary>Rounds to the nearest integer, half to even; the gradient passes unchanged.</summary>
    /// <param name="x">Any shape.</param>
    /// <returns>Shape and type of <paramref name="x"/>.</returns>
    public static torch.Tensor Round(torch.Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (!x.requires_grad)
        {
            return x.round();
        }

        using var residual = Residual(x.detach());
        return x.Plus(residual);
    }

    private static torch.Tensor Residual(torch.Tensor x)
    {
        using var rounded = x.round();

        // An infinity is its own rounding, but has no difference with itself; a NaN in x stays one in the sum.
        return (rounded - x).nan_to_num_(0);
    }
}
