using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.FreeLevels;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers.FreeLevels;

public sealed class FreeLevelsQuantizerTests
{
    /// <summary>Max (1960), table I: the levels with the least squared error for normal numbers, and that error.</summary>
    [Theory]
    [InlineData(2, 0.1175, new[] { 0.4528, 1.510 })]
    [InlineData(3, 0.03454, new[] { 0.2451, 0.7560, 1.344, 2.152 })]
    [InlineData(4, 0.009497, new[] { 0.1284, 0.3881, 0.6568, 0.9424, 1.256, 1.618, 2.069, 2.733 })]
    public void Calibrate_NormalNumbers_FindsMaxsLevels(int bits, double error, double[] positive)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new FreeLevelsQuantizer(bits, Granularity.Tensor);
        var x = Seeded.Normal(3, 1_000_000);

        quantizer.Calibrate(x);

        double[] expected = [.. positive.Reverse().Select(static level => -level), .. positive];
        var levels = quantizer.ExportParameters().Required("levels");
        Assert.All(expected.Zip(levels), static pair => Assert.Equal(pair.First, pair.Second, 0.02 * Math.Max(1, Math.Abs(pair.First))));
        Assert.Equal(error, (quantizer.FakeQuantize(x) - x).square().mean().item<float>(), 0.01 * error);
    }

    [Fact]
    public void Calibrate_ManySmallAndFewLargeNumbers_HasAFractionOfTheUniformError()
    {
        using var scope = torch.NewDisposeScope();
        using var free = new FreeLevelsQuantizer(3, Granularity.Tensor);
        using var uniform = new UniformQuantizer(3, Granularity.Tensor, UniformOptions.Activations with { RangeObserver = RangeObserver.Mse });
        var x = Seeded.Normal(5, 200_000).pow(3);
        double Error(IQuantizer quantizer)
        {
            quantizer.Calibrate(x);
            return (quantizer.FakeQuantize(x) - x).square().mean().item<float>();
        }

        Assert.True(Error(free) < 0.75 * Error(uniform));
    }

    [Fact]
    public void Calibrate_AsManyValuesAsLevels_ReproducesEachExactly()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new FreeLevelsQuantizer(2, Granularity.Tensor);
        var x = torch.tensor([-7f, 0.25f, 0.5f, 1000f]).repeat(50);

        quantizer.Calibrate(x);

        TensorAssert.Identical(x, quantizer.FakeQuantize(x));
    }

    [Theory]
    [InlineData(new[] { 0.0, 1, 2 }, "'levels' of a 'free-levels' quantizer of 2 bits has 3 entries; expected 4")]
    [InlineData(new[] { 0.0, 2, 1, 3 }, "'levels'[2] of a 'free-levels' quantizer is 1; expected at least the entry before, 2")]
    [InlineData(new[] { 0.0, 1, 2, double.NaN }, "expected a finite float32 number")]
    public void ImportParameters_BrokenOnes_AreRefused(double[] levels, string message)
    {
        using var quantizer = new FreeLevelsQuantizer(2, Granularity.Tensor);
        QuantizationParameters Parameters() => QuantizationParameters.Create(
            "free-levels", 2, Granularity.Tensor, new Dictionary<string, IReadOnlyList<double>> { ["levels"] = levels }, new Dictionary<string, string>());

        Assert.Contains(message, Assert.Throws<QuantizationException>(() => quantizer.ImportParameters(Parameters())).Message, StringComparison.Ordinal);
        Assert.False(quantizer.IsCalibrated);
    }
}
