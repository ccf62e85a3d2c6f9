using IsVit.Core.Graph;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reparameterization;

/// <summary>
/// Moves the per-channel scales and zero points of a LayerNorm's output into the LayerNorm and the linear layers that read it, so that one scale and one
/// zero point give the same codes (I&amp;S-ViT eq. 15-16, after RepQ-ViT, arXiv 2212.08254).
/// </summary>
/// <remarks>
/// With per-channel s, z: s~ = mean(s), z~ = round(mean(z)), r1 = s / s~, r2 = z - z~; the LayerNorm gets gamma / r1 and (beta + s r2) / r1, each linear layer
/// W[:, j] r1[j] and b - W (s r2). The codes stay the same because r2 is a whole number, which an unrounded mean would not give. A channel whose gamma is
/// zero is constant whatever the input: its value moves into the biases whole, and it becomes the zero point.
/// </remarks>
public static class ScaleReparameterization
{
    /// <summary>Changes a LayerNorm and its readers in place.</summary>
    /// <param name="norm">The LayerNorm; without a bias it gains one.</param>
    /// <param name="readers">Every layer that reads its output; one without a bias gains one.</param>
    /// <param name="scale">s, one a channel, positive.</param>
    /// <param name="zeroPoint">z, one a channel, whole numbers.</param>
    /// <returns>The scale and zero point of the whole tensor, and how many channels are constant.</returns>
    /// <exception cref="ArgumentException">The number of channels differs from the LayerNorm's, or a scale is not positive.</exception>
    public static (double Scale, double ZeroPoint, int ConstantChannels) Apply(
        LayerNorm norm,
        IReadOnlyList<Linear> readers,
        IReadOnlyList<double> scale,
        IReadOnlyList<double> zeroPoint)
    {
        ArgumentNullException.ThrowIfNull(norm);
        ArgumentNullException.ThrowIfNull(readers);
        ArgumentNullException.ThrowIfNull(scale);
        ArgumentNullException.ThrowIfNull(zeroPoint);
        var channels = norm.weight.numel();
        if (scale.Count != channels || zeroPoint.Count != channels || scale.Any(static s => !(s > 0 && double.IsFinite(s))))
        {
            throw new ArgumentException($"The LayerNorm has {channels} channels; expected as many positive scales and zero points, found {scale.Count} and {zeroPoint.Count}.", nameof(scale));
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var gamma = norm.weight.detach().to(float64).cpu();
        var beta = norm.bias is null ? zeros_like(gamma) : norm.bias.detach().to(float64).cpu();
        var constant = gamma.data<double>().ToArray().Select(static value => value == 0).ToArray();
        var live = Enumerable.Range(0, scale.Count).Where(i => !constant[i]).ToList();
        var meanScale = live.Count > 0 ? live.Average(i => scale[i]) : scale.Average();
        var meanZeroPoint = Math.Round(live.Count > 0 ? live.Average(i => zeroPoint[i]) : 0, MidpointRounding.ToEven);

        var betas = beta.data<double>().ToArray();
        var ratio = new double[scale.Count];
        var shift = new double[scale.Count];
        for (var i = 0; i < ratio.Length; i++)
        {
            ratio[i] = constant[i] ? 1 : scale[i] / meanScale;
            shift[i] = constant[i] ? -betas[i] : scale[i] * (zeroPoint[i] - meanZeroPoint);
        }

        var r1 = tensor(ratio);
        var sr2 = tensor(shift);
        Assign(norm.weight, gamma / r1);
        AssignBias(norm, (beta + sr2) / r1);
        foreach (var reader in readers)
        {
            var weight = reader.weight.detach().to(float64).cpu();
            var correction = matmul(weight, sr2);
            var bias = reader.bias is null ? -correction : reader.bias.detach().to(float64).cpu() - correction;

            // What multiplies a channel that is now zero is free; zero widens no weight's range.
            var columns = r1 * tensor(constant.Select(static value => value ? 0.0 : 1.0).ToArray());
            Assign(reader.weight, weight * columns);
            AssignBias(reader, bias);
        }

        return (meanScale, meanZeroPoint, constant.Count(static value => value));
    }

    private static void Assign(Parameter parameter, Tensor value) => parameter.copy_(value);

    private static void AssignBias(nn.Module module, Tensor value)
    {
        var weight = module is LayerNorm norm ? norm.weight : ((Linear)module).weight;
        var bias = module is LayerNorm { bias: var own } ? own : SiteWeights.GetBias(module);
        if (bias is not null)
        {
            bias.copy_(value);
            return;
        }

        var added = new Parameter(value.to(weight.dtype).to(weight.device), weight.requires_grad);
        if (module is LayerNorm layerNorm)
        {
            layerNorm.bias = added;
        }
        else
        {
            SiteWeights.SetBias(module, added);
        }
    }
}
