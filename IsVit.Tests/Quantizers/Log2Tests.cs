using IsVit.Model.Quantization;
using IsVit.Quantizers.Log2;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers;

public sealed class Log2Tests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(8)]
    public void Calibrate_SearchedScale_ErrsAsLittleAsTheBestOfADenseGrid(int bits)
    {
        using var scope = torch.NewDisposeScope();
        var attention = Attention();
        var maximum = attention.max().item<float>();
        var smallest = Enumerable.Range(0, 2000).Min(step => ErrorOf(attention, bits, maximum * Math.Pow(2, -step / 250.0)));

        var (scale, error) = Calibrated(attention, bits, new Log2Options { SearchScale = true });

        Assert.InRange(scale, maximum / 256, maximum);
        Assert.InRange(error, 0, smallest * 1.01);
    }

    [Fact]
    public void Calibrate_ThreeBitAttention_SearchedScaleErrsFarLess()
    {
        using var scope = torch.NewDisposeScope();
        var attention = Attention();

        var (largest, whole) = Calibrated(attention, 3, null);
        var (_, searched) = Calibrated(attention, 3, new Log2Options { SearchScale = true });

        Assert.Equal(attention.max().item<float>(), largest, 1e-7);
        Assert.True(searched < 0.8 * whole, $"{searched} against {whole}");
    }

    // Whatever the search tries, the largest number is among it: numbers that are levels already are kept exactly.
    [Fact]
    public void Calibrate_PowersOfTwo_KeepsTheLargestNumberAsScale()
    {
        using var scope = torch.NewDisposeScope();
        var levels = torch.tensor(Enumerable.Range(0, 8).Select(static code => (float)(0.7 * Math.Pow(2, -code))).ToArray());

        var (scale, error) = Calibrated(levels, 3, new Log2Options { SearchScale = true });

        Assert.Equal(0.7f, scale, 1e-7);
        Assert.Equal(0, error, 1e-16);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    public void Calibrate_Constant_IsReproduced(double value)
    {
        using var scope = torch.NewDisposeScope();

        Assert.Equal(0, Calibrated(torch.full([50], value), 3, new Log2Options { SearchScale = true }).Error, 1e-16);
    }

    [Fact]
    public void Clone_Uncalibrated_SearchesAsWell()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new Log2Quantizer(3, Granularity.Tensor, new Log2Options { SearchScale = true });
        using var clone = (Log2Quantizer)quantizer.Clone();

        Assert.True(clone.Options.SearchScale);
        Assert.False(new Log2Quantizer(3, Granularity.Tensor).Options.SearchScale);
    }

    // Rows of 197 that sum to 1, some with one large number.
    private static torch.Tensor Attention() => torch.nn.functional.softmax(Seeded.Normal(3, 60, 197) * 2.5, -1);

    private static (double Scale, double Error) Calibrated(torch.Tensor data, int bits, Log2Options? options)
    {
        using var quantizer = new Log2Quantizer(bits, Granularity.Tensor, options);
        quantizer.Calibrate(data);
        return (quantizer.ExportParameters().Required("scale")[0], (quantizer.FakeQuantize(data) - data).to(torch.float64).square().mean().item<double>());
    }

    private static double ErrorOf(torch.Tensor data, int bits, double scale)
    {
        using var scope = torch.NewDisposeScope();
        var codes = ((data.to(torch.float64) / scale).log2() * -1).round().clamp(0, (1 << bits) - 1);
        return ((scale * torch.pow(2.0, codes * -1)) - data).square().mean().item<double>();
    }
}
