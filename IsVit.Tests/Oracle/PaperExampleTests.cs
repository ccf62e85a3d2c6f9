using IsVit.Model.Quantization;
using IsVit.Quantizers.Log2;
using IsVit.Quantizers.ShiftUniformLog2;
using TorchSharp;

namespace IsVit.Tests.Oracle;

/// <summary>The worked examples of the I&amp;S-ViT paper, figure 1 and section 4.2.</summary>
public sealed class PaperExampleTests
{
    [Fact]
    public void Log2_ThreeBitsScaleOne_MapsTheExampleToTwoToTheMinusSeven()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new Log2Quantizer(3, Granularity.Tensor);
        quantizer.Calibrate(torch.tensor([0f, 1f]));
        Assert.Equal(7.81e-3f, quantizer.FakeQuantize(torch.tensor(2.38e-5f)).item<float>(), 5e-6f);
    }

    /// <summary>The paper does not name the shift; with these ones its three numbers come out together.</summary>
    [Theory]
    [InlineData(1.35e-6)]
    [InlineData(1.4e-6)]
    [InlineData(1.45e-6)]
    public void Sulq_ThreeBitsOnTheExamplesRange_MapsTheExampleAndSpansItsExponents(double eta)
    {
        using var scope = torch.NewDisposeScope();
        var options = new ShiftUniformLog2Options { Levels = SulqLevels.PowerOfTwo, EtaGrid = [eta] };
        using var quantizer = new ShiftUniformLog2Quantizer(3, Granularity.Tensor, options);
        quantizer.Calibrate(torch.tensor([1.08e-8f, .868f]));

        Assert.Equal(6.00e-5, quantizer.FakeQuantize(torch.tensor(2.38e-5f)).item<float>(), 0.05e-5);
        var levels = quantizer.Dequantize(torch.arange(8).to(torch.ScalarType.Byte)).data<float>().ToArray();
        Assert.Equal(0, -Math.Log2(levels[0] + eta), 1e-6);
        Assert.Equal(19, -Math.Log2(levels[7] + eta), 1e-3);
    }
}
