using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Detection.Models;

/// <summary>A fully convolutional network that outputs a mask of each class for each region (He et al., arXiv 1703.06870, section 3); MMDetection's names: <c>convs</c>, <c>upsample</c>, <c>conv_logits</c>.</summary>
public sealed class MaskHead : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly ModuleList<ConvolutionBlock> convs;
    private readonly ConvTranspose2d upsample;
    private readonly Conv2d conv_logits;

    internal MaskHead(int inChannels, int convolutions, int channels, int classCount)
        : base(nameof(MaskHead))
    {
        using var scope = torch.NewDisposeScope();
        convs = new ModuleList<ConvolutionBlock>([.. Enumerable.Range(0, convolutions).Select(i => new ConvolutionBlock(i == 0 ? inChannels : channels, channels, kernelSize: 3, activated: true))]);
        upsample = torch.nn.ConvTranspose2d(channels, channels, 2, stride: 2);
        conv_logits = torch.nn.Conv2d(channels, classCount, 1);
        RegisterComponents();
        foreach (var convolution in convs.Select(static block => block.Conv).Append(conv_logits))
        {
            torch.nn.init.kaiming_normal_(convolution.weight!, mode: torch.nn.init.FanInOut.FanOut, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
            torch.nn.init.zeros_(convolution.bias!);
        }

        torch.nn.init.kaiming_normal_(upsample.weight!, mode: torch.nn.init.FanInOut.FanOut, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
        torch.nn.init.zeros_(upsample.bias!);
    }

    /// <summary>The 3 x 3 convolutions, first to last.</summary>
    public IReadOnlyList<ConvolutionBlock> Convs => [.. convs];

    /// <summary>The transposed convolution that doubles the sides, followed by a ReLU.</summary>
    public ConvTranspose2d Upsample => upsample;

    /// <summary>The convolution that outputs the logits of each class's mask.</summary>
    public Conv2d ConvLogits => conv_logits;

    /// <summary>Computes masks.</summary>
    /// <param name="input">[regions, channels, side, side].</param>
    /// <returns>Logits [regions, classes, 2 side, 2 side].</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        var x = input;
        foreach (var block in convs)
        {
            x = block.call(x);
        }

        return scope.MoveToOuter(conv_logits.call(torch.nn.functional.relu(upsample.call(x))));
    }
}
