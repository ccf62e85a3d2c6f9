using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Detection.Models;

/// <summary>A convolution that keeps the map's size, with batch normalization and ReLU if so chosen; MMDetection's names: <c>conv</c>, <c>bn</c>.</summary>
public sealed class ConvolutionBlock : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly Conv2d conv;
    private readonly BatchNorm2d? bn;
    private readonly bool _activated;

    internal ConvolutionBlock(int inChannels, int outChannels, int kernelSize, bool normalized = false, bool activated = false)
        : base(nameof(ConvolutionBlock))
    {
        // TorchSharp's convolution leaves a temporary of its initialisation behind.
        using var scope = torch.NewDisposeScope();
        conv = torch.nn.Conv2d(inChannels, outChannels, kernelSize, padding: kernelSize / 2, bias: !normalized);
        bn = normalized ? torch.nn.BatchNorm2d(outChannels) : null;
        _activated = activated;
        RegisterComponents();
    }

    /// <summary>The convolution, without bias where a normalization follows.</summary>
    public Conv2d Conv => conv;

    /// <summary>The normalization, if there is one.</summary>
    public BatchNorm2d? Bn => bn;

    /// <summary>Whether a ReLU follows.</summary>
    public bool IsActivated => _activated;

    /// <summary>Applies the block.</summary>
    /// <param name="input">[batch, input channels, rows, columns].</param>
    /// <returns>[batch, output channels, rows, columns].</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        var x = conv.call(input);
        x = bn?.call(x) ?? x;
        return scope.MoveToOuter(_activated ? torch.nn.functional.relu(x) : x);
    }
}
