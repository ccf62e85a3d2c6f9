using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.FreeLevels;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers.FreeLevels;

public sealed class ScaledLevelsQuantizerTests
{
    private static readonly Granularity s_lastAxis = Granularity.Channel(-1);

    /// <summary>Max (1960), table I: channels of normal numbers share his levels, whatever their means and sizes.</summary>
    [Fact]
    public void Calibrate_NormalChannels_EachHasMaxsError()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new ScaledLevelsQuantizer(3, s_lastAxis);
        var size = torch.tensor([1f, 1e-3f, 50f, 7f, 0.2f]);
        var x = (Seeded.Normal(3, 100_000, 5) * size) + torch.tensor([0f, 1f, -20f, 100f, 0.1f]);

        quantizer.Calibrate(x);

        var errors = (quantizer.FakeQuantize(x) - x).square().mean([0L]) / size.square();
        Assert.All(errors.data<float>().ToArray(), static error => Assert.Equal(0.03454, error, 0.001));
    }

    [Fact]
    public void Calibrate_ChannelsOfVariousShapes_ErrsLessThanUniformSteps()
    {
        using var scope = torch.NewDisposeScope();
        using var scaled = new ScaledLevelsQuantizer(3, s_lastAxis);
        using var uniform = new UniformQuantizer(3, s_lastAxis, UniformOptions.Activations with { RangeObserver = RangeObserver.Mse });
        var x = Seeded.Normal(4, 20_000, 16) * Seeded.Normal(5, 16).exp();
        x = torch.cat([x.narrow(1, 0, 8), x.narrow(1, 8, 8).abs().pow(1.5) * x.narrow(1, 8, 8).sign()], 1);
        double Error(IQuantizer quantizer)
        {
            quantizer.Calibrate(x);
            return ((quantizer.FakeQuantize(x) - x).square().mean([0L]) / x.var([0L])).mean().item<float>();
        }

        Assert.InRange(Error(scaled) / Error(uniform), 0.5, 0.93);
    }

    [Fact]
    public void ToCommonGrid_EachChannel_HasTheSameCodesAndLevels()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new ScaledLevelsQuantizer(4, s_lastAxis);
        var x = (Seeded.Normal(6, 4000, 5) * torch.tensor([1f, 3f, 0f, 7f, 0.2f])) + torch.tensor([0f, 1f, 5f, 100f, 0.1f]);
        quantizer.Calibrate(x);

        var (grid, ratios, shifts) = quantizer.ToCommonGrid([true, true, false, true, true]);

        var (ratio, shift) = (torch.tensor(ratios.ToArray()), torch.tensor(shifts.ToArray()));
        var common = ((x.to(torch.float64) + shift) / ratio).to(torch.float32);
        Assert.IsType<FreeLevelsQuantizer>(grid);
        Assert.All(ratios, static value => Assert.True(value > 0));
        foreach (var live in new[] { 0, 1, 3, 4 })
        {
            TensorAssert.Identical(quantizer.Quantize(x).select(1, live), grid.Quantize(common).select(1, live));
        }

        var restored = (grid.FakeQuantize(common).to(torch.float64) * ratio) - shift;
        TensorAssert.Close(quantizer.FakeQuantize(x), restored.to(torch.float32), new(1e-5, 1e-5));
        grid.Dispose();
    }

    [Fact]
    public void ToCommonGrid_OtherNumberOfChannels_SaysBoth()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new ScaledLevelsQuantizer(4, s_lastAxis);
        Assert.Throws<QuantizationException>(() => quantizer.ToCommonGrid([true]));
        quantizer.Calibrate(Seeded.Normal(6, 40, 5));

        var message = Assert.Throws<QuantizationException>(() => quantizer.ToCommonGrid([true])).Message;

        Assert.Contains("5 channels; 1 were", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_PerTensor_IsRefused() =>
        Assert.Contains("per channel only", Assert.Throws<QuantizationException>(static () => new ScaledLevelsQuantizer(3, Granularity.Tensor)).Message, StringComparison.Ordinal);
}
