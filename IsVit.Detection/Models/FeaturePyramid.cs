using IsVit.Core.Arithmetic;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Detection.Models;

/// <summary>
/// A feature pyramid network (Lin et al., arXiv 1612.03144): every map is projected to the same number of channels, added to the coarser level enlarged to its size, and smoothed; one more level is the coarsest one subsampled by 2.
/// MMDetection's names: <c>lateral_convs</c>, <c>fpn_convs</c>.
/// </summary>
public sealed class FeaturePyramid : torch.nn.Module<torch.Tensor[], torch.Tensor[]>
{
    private readonly ModuleList<ConvolutionBlock> lateral_convs;
    private readonly ModuleList<ConvolutionBlock> fpn_convs;

    internal FeaturePyramid(IReadOnlyList<int> inChannels, int outChannels)
        : base(nameof(FeaturePyramid))
    {
        lateral_convs = new ModuleList<ConvolutionBlock>([.. inChannels.Select(channels => new ConvolutionBlock(channels, outChannels, kernelSize: 1))]);
        fpn_convs = new ModuleList<ConvolutionBlock>([.. inChannels.Select(_ => new ConvolutionBlock(outChannels, outChannels, kernelSize: 3))]);
        RegisterComponents();
        foreach (var convolution in lateral_convs.Concat(fpn_convs))
        {
            torch.nn.init.xavier_uniform_(convolution.Conv.weight!);
            torch.nn.init.zeros_(convolution.Conv.bias!);
        }
    }

    /// <summary>The 1 x 1 convolutions that bring maps to one width, finest first.</summary>
    public IReadOnlyList<ConvolutionBlock> LateralConvs => [.. lateral_convs];

    /// <summary>The 3 x 3 convolutions that smooth the levels, finest first.</summary>
    public IReadOnlyList<ConvolutionBlock> FpnConvs => [.. fpn_convs];

    /// <summary>Computes the levels.</summary>
    /// <param name="input">Maps [batch, channels, rows, columns], finest first.</param>
    /// <returns>One level more than maps, each [batch, output channels, rows, columns], finest first.</returns>
    public override torch.Tensor[] forward(torch.Tensor[] input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.Length != lateral_convs.Count)
        {
            throw new ArgumentException(FormattableString.Invariant($"There are {input.Length} feature maps; expected {lateral_convs.Count}."), nameof(input));
        }

        using var scope = torch.NewDisposeScope();
        var levels = new torch.Tensor[input.Length + 1];
        torch.Tensor? coarser = null;
        for (var i = input.Length - 1; i >= 0; i--)
        {
            var lateral = lateral_convs[i].call(input[i]);
            if (coarser is not null)
            {
                lateral = lateral.Plus(torch.nn.functional.interpolate(coarser, [lateral.shape[2], lateral.shape[3]], mode: torch.InterpolationMode.Nearest));
            }

            levels[i] = scope.MoveToOuter(fpn_convs[i].call(lateral));
            coarser = lateral;
        }

        levels[^1] = scope.MoveToOuter(torch.nn.functional.max_pool2d(levels[^2], 1, 2));
        return levels;
    }
}
