using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers;

/// <summary>On the weights of a real network.</summary>
public sealed class DeitTinyQuantizationTests
{
    [Fact]
    public void Calibrate_PostLayerNormWithConstantChannels_ReproducesThemExactly()
    {
        using var scope = torch.NewDisposeScope();
        using var file = SafetensorsFile.Open(SharedData.Weights);
        var constants = 0L;
        for (var block = 0; block < 12; block++)
        {
            foreach (var norm in (string[])["norm1", "norm2"])
            {
                var (weight, bias) = (file.Read($"blocks.{block}.{norm}.weight"), file.Read($"blocks.{block}.{norm}.bias"));
                var x = (torch.nn.functional.layer_norm(Seeded.Normal(block, 1, 64, 192), [192]) * weight) + bias;
                using var quantizer = new UniformQuantizer(4, Granularity.Channel(-1));
                quantizer.Calibrate(x);
                var output = quantizer.FakeQuantize(x);

                var constant = x.amax([0, 1]).eq(x.amin([0, 1]));
                Assert.True(output.eq(x).logical_or(constant.logical_not()).all().item<bool>());
                Assert.True(output.isfinite().all().item<bool>());
                var scale = quantizer.ExportParameters().Required("scale");
                Assert.All(scale, s => Assert.InRange(s, 1e-6, 10));
                constants += constant.sum().item<long>();
            }
        }

        Assert.True(constants > 0, "These weights are known for constant channels.");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Calibrate_Weights_FinerSearchesErrLess(int bits)
    {
        using var scope = torch.NewDisposeScope();
        using var file = SafetensorsFile.Open(SharedData.Weights);
        foreach (var name in (string[])["blocks.0.attn.qkv.weight", "blocks.11.mlp.fc2.weight"])
        {
            var weight = file.Read(name);
            double Error(RangeObserver search)
            {
                using var inner = torch.NewDisposeScope();
                using var quantizer = new UniformQuantizer(bits, Granularity.Channel(0), new() { RangeObserver = search });
                quantizer.Calibrate(weight);
                return (quantizer.FakeQuantize(weight) - weight).square().mean().item<float>();
            }

            var (whole, percentiles, fine) = (Error(RangeObserver.MinMax), Error(RangeObserver.WeightPercentiles), Error(RangeObserver.Mse));
            Assert.True(fine < percentiles && percentiles < whole, $"{name}: fine {fine}, percentiles {percentiles}, min-max {whole}");
        }
    }
}
