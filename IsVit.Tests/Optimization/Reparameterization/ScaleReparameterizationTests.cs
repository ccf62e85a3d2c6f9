using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Optimization.Reparameterization;
using IsVit.Quantizers.FreeLevels;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Tests.Optimization.Reparameterization;

public sealed class ScaleReparameterizationTests
{
    private const int Width = 24;

    // Section 5 of the method: no more than float rounding, relative 1e-5 in float32.
    private static readonly Tolerance s_lossless = new(1e-5, 1e-5);

    [Theory]
    [InlineData("uniform", true, true, 1)]
    [InlineData("uniform", false, true, 1)]
    [InlineData("uniform", true, false, 1)]
    [InlineData("uniform", false, false, 1)]
    [InlineData("uniform", true, true, 3)]
    [InlineData("uniform", false, false, 3)]
    [InlineData("free-levels", true, true, 2)]
    [InlineData("free-levels", false, false, 1)]
    public void Apply_LayerNormAndReaders_SameCodesAndOutputs(string scheme, bool linearBias, bool normBias, int readers)
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        for (var bits = 2; bits <= 8; bits++)
        {
            var layer = new Layer(bits, linearBias, normBias, readers, constantChannels: 0, scheme: scheme);

            AssertLossless(layer, s_lossless);
        }
    }

    [Theory]
    [InlineData("uniform", 1)]
    [InlineData("uniform", 7)]
    [InlineData("uniform", Width)]
    [InlineData("free-levels", 7)]
    [InlineData("free-levels", Width)]
    public void Apply_ChannelsWithoutGamma_SameOutputs(string scheme, int constantChannels)
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        foreach (var normBias in new[] { true, false })
        {
            var layer = new Layer(4, linearBias: true, normBias, 2, constantChannels, scheme: scheme);

            AssertLossless(layer, s_lossless);
        }
    }

    [Fact]
    public void Apply_Float64_SameOutputsToRounding()
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var layer = new Layer(3, linearBias: false, normBias: true, 2, constantChannels: 3, torch.ScalarType.Float64);

        AssertLossless(layer, new Tolerance(1e-12, 1e-12));
    }

    // The mean that the released code takes unrounded moves the outputs by percents: the tests above can tell.
    [Fact]
    public void Apply_ZeroPointsUnroundedMean_WouldNotBeLossless()
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var layer = new Layer(4, linearBias: true, normBias: true, 1, constantChannels: 0);
        var before = layer.Outputs(layer.PerChannel)[0];
        var scale = layer.Parameters.Required("scale");
        var zeroPoint = layer.Parameters.Required("zero_point");
        var (s, z) = (scale.Average(), zeroPoint.Average());
        Assert.NotEqual(Math.Round(z), z);

        var r1 = torch.tensor(scale.Select(value => (float)(value / s)).ToArray());
        var sr2 = torch.tensor(scale.Zip(zeroPoint, (value, zero) => (float)(value * (zero - z))).ToArray());
        layer.Norm.bias!.copy_((layer.Norm.bias + sr2) / r1);
        layer.Norm.weight.copy_(layer.Norm.weight / r1);
        var reader = layer.Readers[0];
        reader.bias!.copy_(reader.bias - reader.weight.matmul(sr2));
        reader.weight.copy_(reader.weight * r1);
        var after = reader.call(Layer.Fake(layer.Norm.call(layer.Input), s, z, 15));

        Assert.InRange(Micro.Distance(before, after), 0.01, 1);
    }

    [Fact]
    public void ToCommonGrid_ZeroPointsOfOddSum_WholeZeroPoint()
    {
        using var perChannel = new UniformQuantizer(4, Granularity.Channel(-1));
        perChannel.ImportParameters(new AffineParameters(4, Granularity.Channel(-1), [0.5f, 1.5f], [3, 4], isSymmetric: false));

        var grid = perChannel.ToCommonGrid([true, true]);

        Assert.Equal([1], grid.Quantizer.ExportParameters().Required("scale"));
        Assert.Equal([4], grid.Quantizer.ExportParameters().Required("zero_point"));
        Assert.Equal([0.5, 1.5], grid.Ratios);
        Assert.Equal([-0.5, 0], grid.Shifts);
        grid.Quantizer.Dispose();
    }

    [Theory]
    [InlineData(3, 2, 1)]
    [InlineData(2, 3, 1)]
    [InlineData(2, 2, 0)]
    [InlineData(2, 2, double.NaN)]
    public void Apply_NumbersThatDoNotFit_SaysWhatWasExpected(int ratios, int shifts, double ratio)
    {
        using var norm = torch.nn.LayerNorm(2);
        using var linear = torch.nn.Linear(2, 2);

        var error = Assert.Throws<ArgumentException>(() => ScaleReparameterization.Apply(
            norm, [linear], [.. Enumerable.Repeat(ratio, ratios)], [.. Enumerable.Repeat(0.0, shifts)]));

        Assert.Contains("2 channels", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_ReaderOfAnotherWidth_ThrowsAndChangesNothing()
    {
        using var norm = torch.nn.LayerNorm(2);
        using var linear = torch.nn.Linear(3, 2);
        using var before = norm.weight.detach().clone();

        Assert.Throws<ArgumentException>(() => ScaleReparameterization.Apply(norm, [linear], [0.5, 1.5], [3, 4]));

        TensorAssert.Identical(before, norm.weight.detach());
    }

    [Fact]
    public void Apply_AgainAndAgain_LeavesNoTensor() => LiveTensors.AssertNoneLeftBy(() =>
    {
        using var norm = torch.nn.LayerNorm(4, bias: false);
        using var linear = torch.nn.Linear(4, 2, hasBias: false);
        ScaleReparameterization.Apply(norm, [linear], [0.5, 1.5, 1, 1], [3, 4, 1, 2]);
    });

    private static void AssertLossless(Layer layer, Tolerance tolerance)
    {
        var outputs = layer.Outputs(layer.PerChannel);
        var codes = layer.PerChannel.Quantize(layer.Norm.call(layer.Input));
        var (perTensor, ratios, shifts) = layer.PerChannel.ToCommonGrid(ScaleReparameterization.LiveChannels(layer.Norm));
        var constants = ScaleReparameterization.Apply(layer.Norm, layer.Readers, ratios, shifts);

        Assert.Equal(layer.ConstantChannels, constants);
        Assert.IsType<Granularity.PerTensor>(perTensor.Granularity);
        if (constants == 0)
        {
            TensorAssert.Identical(codes, perTensor.Quantize(layer.Norm.call(layer.Input)));
        }

        var after = layer.Outputs(perTensor);
        for (var i = 0; i < outputs.Count; i++)
        {
            // Relative to the size of the outputs: an element near zero is a difference of large ones.
            TensorAssert.Close(outputs[i], after[i], tolerance with { Absolute = tolerance.Absolute * outputs[i].abs().max().to(torch.ScalarType.Float64).item<double>() });
        }

        perTensor.Dispose();
    }

    private sealed class Layer
    {
        public Layer(int bits, bool linearBias, bool normBias, int readers, int constantChannels, torch.ScalarType type = torch.ScalarType.Float32, string scheme = "uniform")
        {
            Norm = torch.nn.LayerNorm(Width, bias: normBias, dtype: type);
            Readers = [.. Enumerable.Range(0, readers).Select(_ => torch.nn.Linear(Width, 16, linearBias, dtype: type))];
            Micro.Enliven(Norm, bits);
            Norm.weight.copy_(Seeded.Normal(bits, Width).exp());
            Norm.weight.narrow(0, Width - constantChannels, constantChannels).zero_();
            for (var i = 0; i < readers; i++)
            {
                Micro.Enliven(Readers[i], 10 + (2 * i));
            }

            Input = Seeded.Normal(50 + bits, 40, 7, Width).to(type);
            ConstantChannels = constantChannels;
            PerChannel = scheme == "uniform" ? new UniformQuantizer(bits, Granularity.Channel(-1)) : new ScaledLevelsQuantizer(bits, Granularity.Channel(-1));
            PerChannel.Calibrate(Norm.call(Input));
        }

        public LayerNorm Norm { get; }

        public IReadOnlyList<Linear> Readers { get; }

        public torch.Tensor Input { get; }

        public int ConstantChannels { get; }

        public IReparameterizableQuantizer PerChannel { get; }

        public QuantizationParameters Parameters => PerChannel.ExportParameters();

        public List<torch.Tensor> Outputs(IQuantizer quantizer) =>
            [.. Readers.Select(reader => reader.call(quantizer.FakeQuantize(Norm.call(Input))))];

        public static torch.Tensor Fake(torch.Tensor x, double scale, double zeroPoint, int maxCode) =>
            (((x / scale).round() + zeroPoint).clamp(0, maxCode) - zeroPoint) * scale;
    }
}
