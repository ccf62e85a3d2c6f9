using IsVit.Core.Arithmetic;
using TorchSharp;

namespace IsVit.Core.Models;

/// <summary>Drops a residual branch for a random part of the batch while training (stochastic depth; Huang et al., arXiv 1603.09382).</summary>
public sealed class DropPath : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    /// <summary>Creates the module.</summary>
    /// <param name="rate">The probability that an image's branch is dropped, 0 to less than 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rate"/> is out of range.</exception>
    public DropPath(double rate)
        : base(nameof(DropPath))
    {
        if (rate is not (>= 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "A drop path rate is 0 to below 1.");
        }

        Rate = rate;
    }

    /// <summary>The probability that an image's branch is dropped.</summary>
    public double Rate { get; }

    /// <summary>Zeroes whole images while training, and scales the others up so that the expectation does not change; the identity otherwise.</summary>
    /// <param name="input">[batch, ...].</param>
    /// <returns>Shape of <paramref name="input"/>; <paramref name="input"/> itself outside training.</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (!training || Rate == 0)
        {
            return input;
        }

        var keep = 1 - Rate;
        var shape = new long[input.dim()];
        Array.Fill(shape, 1);
        shape[0] = input.shape[0];
        using var mask = torch.empty(shape, input.dtype, input.device).bernoulli_(keep).OverInPlace(keep);
        return input * mask;
    }
}
