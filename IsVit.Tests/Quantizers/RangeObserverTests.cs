using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Native;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers;

public sealed class RangeObserverTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(17)]
    [InlineData(511)]
    [InlineData(513)]
    [InlineData(40_000)]
    public void Quantile_AnyFraction_EqualsTorch(int count)
    {
        using var scope = torch.NewDisposeScope();
        var x = Seeded.Normal(count, count) * 3;
        x[0] = 0f;
        var values = Load(x);
        foreach (var fraction in (double[])[.99999, .9999, .999, .97, .5, 1 - .999, 1 - .99999, 0, 1, 1.0 / 3])
        {
            // torch interpolates with a fused multiply-add where the processor has one.
            var expected = x.quantile(torch.tensor((float)fraction)).item<float>();
            Assert.Equal(expected, values.Quantile(fraction), Math.Abs(expected) * 3e-7f);
        }
    }

    [Theory]
    [InlineData(.9999, 16_000_000, 15_998_399)]
    [InlineData(.9999, 16_000_001, 15_998_400)]
    [InlineData(.99999, 200_000_001, 199_998_000)]
    public void Rank_BeyondTorchsLimit_IsExact(double fraction, int count, double expected)
    {
        // float32 has steps of 1 here, float64 is as good as exact.
        Assert.Equal(expected, RankedValues.Rank(fraction, count), count > 16_000_000 ? 1e-6 : 1);
    }

    [Theory]
    [InlineData(400, "any")]
    [InlineData(30_000, "any")]
    [InlineData(700_001, "any")]
    [InlineData(700_001, "narrow")]
    [InlineData(700_001, "softmax")]
    [InlineData(700_001, "few")]
    [InlineData(700_001, "constant")]
    [InlineData(1_000, "zeros")]
    [InlineData(700_001, "zeros")]
    public void RankedValues_AnyFiniteNumbers_OrderThem(int count, string kind)
    {
        var random = new Random(4);
        var numbers = new float[count];
        for (var i = 0; i < count; i++)
        {
            do
            {
                numbers[i] = kind switch
                {
                    "any" => BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32)),
                    "narrow" => 1 + (random.Next(3000) * 1.2e-7f),
                    "softmax" => MathF.Exp(-20 * random.NextSingle()),
                    "few" => random.Next(5) - 2,
                    "zeros" => random.Next(2) == 0 ? 0f : -0f,
                    _ => 0.25f,
                };
            }
            while (!float.IsFinite(numbers[i]));
        }

        var before = numbers.ToArray();
        float[] expected = [.. numbers.Order()];
        foreach (var threads in (int[])[1, 3])
        {
            using var forced = KernelSwitch.Threads(threads);
            using var values = RankedValues.Of(numbers);
            Assert.True(numbers.AsSpan().SequenceEqual(before), "the numbers themselves have changed");
            Assert.Equal((expected[0], expected[^1]), (values.Minimum, values.Maximum));
            for (var i = 0; i < 3000; i++)
            {
                // Thresholds first fall into buckets that are not sorted yet.
                var (rank, other) = (random.Next(count), random.Next(count));
                var threshold = i % 3 == 0 ? expected[rank] : expected[rank] + (((double)expected[other] - expected[rank]) * random.NextDouble());
                var below = LowerBound(expected, threshold);
                Assert.Equal(below, values.Below(threshold).Count);
                if (i > 1000)
                {
                    Assert.Equal(expected[rank], values.At(rank));
                }
            }

            Assert.Equal((expected[0], expected[^1]), (values.At(0), values.At(count - 1)));
        }

        static int LowerBound(float[] sorted, double threshold)
        {
            var (low, high) = (0, sorted.Length);
            while (low < high)
            {
                var middle = (low + high) / 2;
                (low, high) = sorted[middle] < threshold ? (middle + 1, high) : (low, middle);
            }

            return low;
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1000, 1)]
    [InlineData(-5, 1e-3)]
    [InlineData(1000, 1, 600_000)]
    [InlineData(0, 1, 600_000)]
    [InlineData(0, 1, 200)]
    [InlineData(1000, 1, 200)]
    [InlineData(0, 1e-42, 203)]
    [InlineData(0, 1e37, 203)]
    [InlineData(3, 1, 2)]
    public void SquaredError_OfAnyGrid_EqualsAPassOverTheNumbers(double mean, double spread, int count = 5000)
    {
        using var scope = torch.NewDisposeScope();
        var x = (Seeded.Normal(9, count) * spread) + mean;
        var values = Load(x);
        foreach (var bits in (int[])[2, 4, 8])
        {
            var grid = UniformGrid.FromRange(values.Quantile(.01), values.Quantile(.99), bits, symmetric: false);
            var exact = x.to(torch.ScalarType.Float64);
            var codes = ((exact / grid.Scale).round() + grid.ZeroPoint).clamp(0, (1 << bits) - 1);
            var error = (((codes - grid.ZeroPoint) * grid.Scale) - exact).square().sum().item<double>();
            Assert.Equal(error, grid.SquaredError(values, bits), error * 1e-9);
        }
    }

    [Theory]
    [InlineData(2, false)]
    [InlineData(3, false)]
    [InlineData(4, true)]
    [InlineData(8, false)]
    public void Fine_HeavyTails_ErrsLessThanPercentilesAndMinMax(int bits, bool symmetric)
    {
        using var scope = torch.NewDisposeScope();
        var x = Seeded.Normal(1, 6, 700).pow(3);
        var errors = new List<float>();
        foreach (var search in (RangeObserver[])[RangeObserver.MinMax, RangeObserver.ActivationPercentiles, RangeObserver.WeightPercentiles, RangeObserver.Mse])
        {
            using var quantizer = new UniformQuantizer(bits, Granularity.Channel(0), new() { RangeObserver = search, Symmetric = symmetric });
            quantizer.Calibrate(x);
            errors.Add((quantizer.FakeQuantize(x) - x).square().mean().item<float>());
        }

        Assert.All(errors.Take(3), e => Assert.True(errors[3] < e, string.Join(", ", errors)));
    }

    [Fact]
    public void Percentiles_OneRare_Outlier_IsClipped()
    {
        using var scope = torch.NewDisposeScope();
        var x = Seeded.Uniform(1, 5000);
        x[7] = 100f;
        using var percentiles = new UniformQuantizer(4, Granularity.Tensor, new() { RangeObserver = RangeObserver.Percentiles(.999) });
        percentiles.Calibrate(x);
        Assert.True(percentiles.FakeQuantize(x).max().item<float>() < 1.1);
    }

    [Fact]
    public void Percentiles_AllButOutliersEqual_FallBackToTheWholeRange()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.zeros(100_000);
        x[5] = 3f;
        using var quantizer = new UniformQuantizer(4, Granularity.Tensor, new() { RangeObserver = RangeObserver.Percentiles(.99) });
        quantizer.Calibrate(x);
        TensorAssert.Close(x, quantizer.FakeQuantize(x));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(1.0000001)]
    [InlineData(double.NaN)]
    public void Percentiles_FractionOutOfRange_Throws(double fraction)
    {
        Assert.Contains("0.5", Assert.Throws<ArgumentOutOfRangeException>(() => RangeObserver.Percentiles(.99, fraction)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => RangeObserver.Percentiles());
    }

    [Fact]
    public void Calibrate_PerChannel_EqualsEachChannelAlone()
    {
        using var scope = torch.NewDisposeScope();
        var x = Seeded.Normal(2, 9, 5, 70) * torch.tensor([1f, 10f, 0.1f, 3f, 1e-6f]).view(1, 5, 1);
        using var channels = new UniformQuantizer(4, Granularity.Channel(1));
        channels.Calibrate(x);
        for (var c = 0; c < 5; c++)
        {
            using var alone = new UniformQuantizer(4, Granularity.Tensor);
            alone.Calibrate(x.select(1, c));
            Assert.Equal(alone.ExportParameters().Required("scale")[0], channels.ExportParameters().Required("scale")[c]);
            Assert.Equal(alone.ExportParameters().Required("zero_point")[0], channels.ExportParameters().Required("zero_point")[c]);
        }
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(20f)]
    [InlineData(-20f)]
    [InlineData(0.01f)]
    public void Calibrate_OneConstantChannel_IsExactAndDoesNotRaiseTheMeanScale(float constant)
    {
        using var scope = torch.NewDisposeScope();
        var x = Seeded.Normal(2, 200, 8);
        using var before = new UniformQuantizer(4, Granularity.Channel(-1));
        before.Calibrate(x.narrow(1, 1, 7));
        x.select(1, 0).fill_(constant);
        using var quantizer = new UniformQuantizer(4, Granularity.Channel(-1));
        quantizer.Calibrate(x);
        Assert.True(quantizer.FakeQuantize(x).select(1, 0).eq(constant).all().item<bool>());
        Assert.InRange(quantizer.ExportParameters().Required("scale").Average(), 0, before.ExportParameters().Required("scale").Average() * 1.0001);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void Symmetric_AnyData_HasTheMiddleAsZeroPointAndHoldsZero(int bits)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new UniformQuantizer(bits, Granularity.Channel(0), new() { Symmetric = true, RangeObserver = RangeObserver.MinMax });
        var x = Seeded.Normal(2, 8, 50) + 0.4;
        quantizer.Calibrate(x);
        Assert.All(quantizer.ExportParameters().Required("zero_point"), z => Assert.Equal(1 << (bits - 1), z));
        TensorAssert.Identical(torch.zeros(8, 3), quantizer.FakeQuantize(torch.zeros(8, 3)));
        var step = torch.tensor([.. quantizer.ExportParameters().Required("scale").Select(s => (float)s)]).view(-1, 1);
        Assert.True((quantizer.FakeQuantize(x) - x).abs().le(step * 0.50001).all().item<bool>());
    }

    private static RankedValues Load(torch.Tensor x)
    {
        var values = new RankedValues();
        values.Load(x.data<float>().ToArray());
        return values;
    }
}
