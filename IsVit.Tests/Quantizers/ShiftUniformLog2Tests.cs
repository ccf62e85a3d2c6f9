using IsVit.Model.Quantization;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.Tables;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers;

public sealed class ShiftUniformLog2Tests
{
    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    public void FakeQuantize_Softmax_FreeLevelsErrLessThanPowersOfTwo(int bits)
    {
        using var scope = torch.NewDisposeScope();
        var x = (Seeded.Normal(1, 4, 197, 197) * 2).softmax(-1);
        Assert.True(Error(x, bits, new()) < Error(x, bits, new() { Levels = SulqLevels.PowerOfTwo }));
    }

    [Fact]
    public void FakeQuantize_PowerOfTwoLevels_ArePowersOfTwoLessTheShift()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new ShiftUniformLog2Quantizer(4, Granularity.Tensor, new() { Levels = SulqLevels.PowerOfTwo, EtaGrid = [0.01] });
        quantizer.Calibrate((Seeded.Normal(1, 4, 50) * 2).softmax(-1));
        foreach (var level in quantizer.Dequantize(torch.arange(16).to(torch.ScalarType.Byte)).data<float>().ToArray())
        {
            var exponent = Math.Log2(level + 0.01);
            Assert.Equal(Math.Round(exponent), exponent, 1e-5);
        }
    }

    [Fact]
    public void Quantize_LargestAndSmallest_AreTheFirstAndLastCode()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new ShiftUniformLog2Quantizer(4, Granularity.Tensor);
        quantizer.Calibrate(torch.tensor([0f, 0.001f, 0.2f, 0.8f]));
        Assert.Equal([0, 15], quantizer.Quantize(torch.tensor([0.8f, 0f])).data<byte>().ToArray());
    }

    [Fact]
    public void Calibrate_EtaGrid_TakesTheSmallestError()
    {
        using var scope = torch.NewDisposeScope();
        var x = (Seeded.Normal(1, 4, 197, 97) * 2).softmax(-1);
        using var quantizer = new ShiftUniformLog2Quantizer(3, Granularity.Tensor);
        quantizer.Calibrate(x);
        var chosen = quantizer.ExportParameters().Required("eta")[0];
        var best = ShiftUniformLog2Options.DefaultEtaGrid.MinBy(eta => Error(x, 3, new() { EtaGrid = [eta] }));
        Assert.Equal(best, chosen);
        Assert.Contains(ShiftUniformLog2Options.DefaultEtaGrid, eta => eta is >= 1e-6 and <= 2e-6);
        Assert.All(ShiftUniformLog2Options.ReleasedEtaGrid, eta => Assert.Contains(eta, ShiftUniformLog2Options.DefaultEtaGrid));
    }

    [Fact]
    public void Calibrate_NegativeNumbers_Throws()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new ShiftUniformLog2Quantizer(3, Granularity.Tensor);
        Assert.Contains("-0.25", Assert.Throws<QuantizationException>(() => quantizer.Calibrate(torch.tensor([0.5f, -0.25f]))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1e-3)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void EtaGrid_NotPositive_Throws(double eta)
    {
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => new ShiftUniformLog2Options { EtaGrid = [0.1, eta] });
        Assert.Contains("EtaGrid", exception.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ShiftUniformLog2Options { EtaGrid = [] });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ShiftUniformLog2Options { Levels = (SulqLevels)5 });
    }

    [Fact]
    public void LevelTable_ThresholdBetweenFloats_IsTheNextFloatAbove()
    {
        var between = 1 + 1e-9;
        var table = LevelTable.Create([0, 2], [between], [0, 1], 0, 2, SlopeKind.One, 0);
        Assert.Equal(MathF.BitIncrement(1), table.Thresholds[0]);
    }

    private static double Error(torch.Tensor x, int bits, ShiftUniformLog2Options options)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new ShiftUniformLog2Quantizer(bits, Granularity.Tensor, options);
        quantizer.Calibrate(x);
        return (quantizer.FakeQuantize(x) - x).to(torch.ScalarType.Float64).square().mean().item<double>();
    }
}
