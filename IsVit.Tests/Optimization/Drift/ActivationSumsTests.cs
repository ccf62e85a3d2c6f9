using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Drift;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Drift;

public sealed class ActivationSumsTests
{
    [Theory]
    [InlineData("uniform")]
    [InlineData("log2")]
    [InlineData("sulq")]
    [InlineData("twin-uniform")]
    public void Add_NumbersBeyondTheRange_AreThoseThatTheOutermostLevelsStandFor(string scheme)
    {
        using var scope = NewDisposeScope();
        using var quantizer = BuiltIn.CreateRegistry().Create(new QuantizerSpec(scheme, 4, Granularity.Tensor), isWeight: false);
        var data = Seeded.Uniform(1, 4, 500);
        quantizer.Calibrate(data);
        var x = cat([data, data + 1.5], 1);
        var sums = new ActivationSums(16);

        sums.Add(quantizer, x.narrow(0, 0, 1));
        sums.Add(quantizer, x.narrow(0, 1, 3).transpose(0, 1));

        var statistics = sums.ToStatistics();
        var levels = quantizer.Dequantize(arange(16).to(uint8));
        Assert.InRange(statistics.ClippedHigh, 0.5, 0.55);
        Assert.InRange(statistics.ClippedHigh, (x > levels.max() * 1.1).to(float64).mean().item<double>(), (x > levels.max()).to(float64).mean().item<double>());
        Assert.InRange(statistics.ClippedLow, 0, (x < levels.min()).to(float64).mean().item<double>());
        Assert.Equal(x.mean().item<float>(), statistics.Mean, 5);
        Assert.Equal(x.std(unbiased: false).item<float>(), statistics.StandardDeviation, 5);
        var codes = quantizer.Quantize(x);
        Assert.Equal(Enumerable.Range(0, 16).Select(code => (codes == code).sum().item<long>()), sums.Codes);
        Assert.Equal(1, statistics.CodeShares.Sum(), 5);
    }
}
