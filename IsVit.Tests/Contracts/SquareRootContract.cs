using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using OwnQuantizer;
using TorchSharp;

namespace IsVit.Tests.Contracts;

/// <summary>The quantizer that docs/adding-a-quantizer.md teaches keeps the contract.</summary>
public sealed class SquareRootContract : QuantizerContract
{
    protected override bool NonNegative => true;

    protected override IQuantizer Create(int bits) => new SquareRootQuantizer(bits);

    protected override double Coordinate(double x, QuantizationParameters parameters) => Math.Sqrt(x);

    protected override torch.Tensor Compose(torch.Tensor x, QuantizationParameters parameters, Func<torch.Tensor, torch.Tensor> round)
    {
        double scale = parameters.Required("scale")[0];
        int most = parameters.Bits.MaxCode;
        return (round((x / (scale == 0 ? 1 : scale)).clamp(0, 1).sqrt() * most) / most).square() * scale;
    }

    [Fact]
    public void FakeQuantize_Zero_HasAFiniteGradient()
    {
        using var scope = torch.NewDisposeScope();
        using IQuantizer quantizer = Create(4);
        quantizer.Calibrate(torch.linspace(0, 1, 11));
        torch.Tensor x = torch.zeros(3).requires_grad_();

        quantizer.FakeQuantize(x).sum().backward();

        Assert.Equal([0f, 0f, 0f], x.grad!.data<float>().ToArray());
    }
}
