using System.Globalization;
using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reparameterization;

/// <summary>
/// Moves the per-channel scales and shifts of a LayerNorm's output into the LayerNorm and the linear layers that read it, so that one grid gives the same codes (I&amp;S-ViT eq. 15-16, after RepQ-ViT, arXiv 2212.08254).
/// </summary>
/// <remarks>
/// With r1 the channels' ratios and t their shifts (<see cref="CommonGrid"/>), the LayerNorm gets gamma / r1 and (beta + t) / r1, each linear layer W[:, j] r1[j] and b - W t. A channel whose gamma is
/// zero is constant whatever the input: its value moves into the biases whole, and it becomes zero.
/// </remarks>
internal static class ScaleReparameterization
{
    /// <summary>The channels of a LayerNorm's output that vary with its input: those whose gamma is not zero.</summary>
    /// <param name="norm">The LayerNorm, an affine one.</param>
    /// <exception cref="ArgumentException">The LayerNorm has no weight.</exception>
    public static IReadOnlyList<bool> LiveChannels(LayerNorm norm)
    {
        ArgumentNullException.ThrowIfNull(norm);
        if (norm.weight is null)
        {
            throw new ArgumentException("The LayerNorm has no weight to move a scale into; expected an affine one.", nameof(norm));
        }

        using var scope = NewDisposeScope();
        var gamma = Float64(norm.weight);
        return [.. gamma.data<double>().Select(static value => value != 0)];
    }

    /// <summary>Changes a LayerNorm and its readers in place.</summary>
    /// <param name="norm">The LayerNorm; without a bias it gains one.</param>
    /// <param name="readers">Every layer that reads its output; one without a bias gains one.</param>
    /// <param name="ratios">r1, one a channel, positive.</param>
    /// <param name="shifts">What is added to each channel.</param>
    /// <returns>How many channels are constant.</returns>
    /// <exception cref="ArgumentException">The number of channels differs from the LayerNorm's or a reader's, a ratio is not positive, or a shift is not finite. Nothing was changed.</exception>
    public static int Apply(LayerNorm norm, IReadOnlyList<Linear> readers, IReadOnlyList<double> ratios, IReadOnlyList<double> shifts)
    {
        ArgumentNullException.ThrowIfNull(norm);
        ArgumentNullException.ThrowIfNull(readers);
        ArgumentNullException.ThrowIfNull(ratios);
        ArgumentNullException.ThrowIfNull(shifts);
        var isLive = LiveChannels(norm);
        Require(norm, readers, ratios, shifts);

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var gamma = Float64(norm.weight!);
        var beta = norm.bias is null ? zeros_like(gamma) : Float64(norm.bias);
        var betas = beta.data<double>().ToArray();
        var channels = Enumerable.Range(0, isLive.Count).ToList();
        var ratio = tensor(channels.ConvertAll(i => isLive[i] ? ratios[i] : 1).ToArray());
        var shift = tensor(channels.ConvertAll(i => isLive[i] ? shifts[i] : -betas[i]).ToArray());

        // What multiplies a channel that is now zero is free; zero widens no weight's range.
        var column = tensor(channels.ConvertAll(i => isLive[i] ? ratios[i] : 0).ToArray());
        norm.weight!.copy_(gamma / ratio);
        AssignBias(norm, norm.weight, beta.Plus(shift) / ratio);
        foreach (var reader in readers)
        {
            var weight = Float64(reader.weight);
            var correction = BatchedProduct.Of(weight, shift);
            reader.weight.copy_(weight * column);
            AssignBias(reader, reader.weight, reader.bias is null ? -correction : Float64(reader.bias) - correction);
        }

        return isLive.Count(static live => !live);
    }

    private static void Require(LayerNorm norm, IReadOnlyList<Linear> readers, IReadOnlyList<double> ratios, IReadOnlyList<double> shifts)
    {
        var channels = norm.weight!.numel();
        if (ratios.Count != channels || shifts.Count != channels)
        {
            throw new ArgumentException(FormattableString.Invariant($"The LayerNorm has {channels} channels; expected as many ratios and shifts, found {ratios.Count} and {shifts.Count}."), nameof(ratios));
        }

        for (var i = 0; i < ratios.Count; i++)
        {
            if (!(ratios[i] > 0 && double.IsFinite(ratios[i]) && double.IsFinite(shifts[i])))
            {
                throw new ArgumentException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"Channel {i} of {channels} channels has ratio {ratios[i]} and shift {shifts[i]}; expected a positive number and a finite one."), nameof(ratios));
            }
        }

        if (readers.FirstOrDefault(reader => reader.weight.shape[1] != channels) is { } other)
        {
            throw new ArgumentException(FormattableString.Invariant($"A reader has weights [{string.Join(", ", other.weight.shape)}]; expected {channels} inputs, as the LayerNorm has {channels} channels."), nameof(readers));
        }
    }

    private static Tensor Float64(Tensor parameter) => parameter.detach().cpu().to(float64);

    private static void AssignBias(nn.Module module, Parameter weight, Tensor value)
    {
        if (SiteWeights.GetBias(module) is { } bias)
        {
            bias.copy_(value);
        }
        else
        {
            SiteWeights.SetBias(module, new Parameter(value.to(weight.dtype).to(weight.device), weight.requires_grad));
        }
    }
}
