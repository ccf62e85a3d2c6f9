using System.Globalization;
using IsVit.Core.Arithmetic;
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
    /// <exception cref="ArgumentException">The number of channels differs from the LayerNorm's or a reader's, a scale is not positive, or a zero point is not whole. Nothing was changed.</exception>
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
        Require(norm, readers, scale, zeroPoint);

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var gamma = Float64(norm.weight);
        var beta = norm.bias is null ? zeros_like(gamma) : Float64(norm.bias);
        var betas = beta.data<double>().ToArray();
        var isConstant = gamma.data<double>().Select(static value => value == 0).ToArray();
        var live = Enumerable.Range(0, scale.Count).Where(i => !isConstant[i]).ToList();

        // A quantizer keeps its scale in float32, so what is moved must be relative to that number.
        var meanScale = (double)(float)(live.Count > 0 ? live.Average(i => scale[i]) : scale.Average());
        var meanZeroPoint = Math.Round(live.Count > 0 ? live.Average(i => zeroPoint[i]) : 0, MidpointRounding.ToEven);

        var ratios = new double[scale.Count];
        var shifts = new double[scale.Count];
        var columns = new double[scale.Count];
        for (var i = 0; i < ratios.Length; i++)
        {
            ratios[i] = isConstant[i] ? 1 : scale[i] / meanScale;
            shifts[i] = isConstant[i] ? -betas[i] : scale[i] * (zeroPoint[i] - meanZeroPoint);

            // What multiplies a channel that is now zero is free; zero widens no weight's range.
            columns[i] = isConstant[i] ? 0 : ratios[i];
        }

        var (r1, sr2, column) = (tensor(ratios), tensor(shifts), tensor(columns));
        norm.weight.copy_(gamma / r1);
        AssignBias(norm, norm.weight, beta.Plus(sr2) / r1);
        foreach (var reader in readers)
        {
            var weight = Float64(reader.weight);
            var correction = matmul(weight, sr2);
            reader.weight.copy_(weight * column);
            AssignBias(reader, reader.weight, reader.bias is null ? -correction : Float64(reader.bias) - correction);
        }

        return (meanScale, meanZeroPoint, scale.Count - live.Count);
    }

    private static void Require(LayerNorm norm, IReadOnlyList<Linear> readers, IReadOnlyList<double> scale, IReadOnlyList<double> zeroPoint)
    {
        if (norm.weight is null)
        {
            throw new ArgumentException("The LayerNorm has no weight to move a scale into; expected an affine one.", nameof(norm));
        }

        var channels = norm.weight.numel();
        if (scale.Count != channels || zeroPoint.Count != channels)
        {
            throw new ArgumentException($"The LayerNorm has {channels} channels; expected as many scales and zero points, found {scale.Count} and {zeroPoint.Count}.", nameof(scale));
        }

        for (var i = 0; i < scale.Count; i++)
        {
            if (!(scale[i] > 0 && double.IsFinite(scale[i])) || Math.Round(zeroPoint[i]) != zeroPoint[i])
            {
                throw new ArgumentException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"Channel {i} of {channels} channels has scale {scale[i]} and zero point {zeroPoint[i]}; expected a positive number and a whole one."), nameof(scale));
            }
        }

        if (readers.FirstOrDefault(reader => reader.weight.shape[1] != channels) is { } other)
        {
            throw new ArgumentException($"A reader has weights [{string.Join(", ", other.weight.shape)}]; expected {channels} inputs, as the LayerNorm has {channels} channels.", nameof(readers));
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
