using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.FreeLevels;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers.FreeLevels;

public sealed class ChannelLevelsQuantizerTests
{
    private static readonly Granularity s_rows = Granularity.Channel(0);

    /// <summary>A row with one number a hundred times the others' size: it takes a level, and the others keep the error that they have without it.</summary>
    [Fact]
    public void Calibrate_OneNumberFarFromTheOthers_CostsThemOneLevel()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new ChannelLevelsQuantizer(4, s_rows);
        using var shared = new ScaledLevelsQuantizer(4, s_rows);
        var x = Seeded.Normal(7, 8, 768) * 0.1f;
        var usual = x.clone();
        x[3, 417] = torch.tensor(2.7f);
        double Error(IQuantizer of, torch.Tensor data)
        {
            of.Calibrate(data);
            var errors = (of.FakeQuantize(data) - data).square()[3];
            errors[417] = torch.tensor(0f);
            return errors.mean().item<float>();
        }

        var without = Error(quantizer, usual);
        var with = Error(quantizer, x);

        Assert.InRange(with / without, 1, 1.4);
        Assert.InRange(Error(shared, x) / with, 1.2, double.MaxValue);
        Assert.Equal(2.7f, quantizer.FakeQuantize(x)[3, 417].item<float>(), 0.01f);
    }

    /// <summary>Levels on a grid of 8 bits cost next to nothing beside levels anywhere.</summary>
    [Theory]
    [InlineData(3, 1.01)]
    [InlineData(4, 1.03)]
    public void Calibrate_NormalRows_ErrsAsLevelsAnywhereDo(int bits, double most)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new ChannelLevelsQuantizer(bits, s_rows);
        var x = Seeded.Normal(8, 16, 768) * Seeded.Normal(9, 16, 1).exp();
        quantizer.Calibrate(x);

        var errors = (quantizer.FakeQuantize(x) - x).square().mean([1L]).data<float>().ToArray();
        for (var row = 0; row < errors.Length; row++)
        {
            var numbers = x[row].data<float>().ToArray();
            var levels = OptimalLevels.Find(numbers, [], 1 << bits);
            Assert.InRange(errors[row] / numbers.Average(number => levels.Min(level => Math.Pow(number - level, 2))), 0.999, most);
        }
    }

    [Fact]
    public void Calibrate_WithImportance_ErrsLeastWhereItCounts()
    {
        using var scope = torch.NewDisposeScope();
        using var even = new ChannelLevelsQuantizer(3, s_rows);
        using var weighted = new ChannelLevelsQuantizer(3, s_rows);
        var x = Seeded.Normal(10, 12, 256);
        var importance = torch.ones(1, 256);
        importance.narrow(1, 0, 6).fill_(1000);
        even.Calibrate(x);
        weighted.Calibrate(x, importance);
        double Error(IQuantizer quantizer, torch.Tensor counts) => ((quantizer.FakeQuantize(x) - x).square() * counts).mean().item<float>();

        Assert.InRange(Error(weighted, importance) / Error(even, importance), 0, 0.1);
        Assert.InRange(Error(weighted, torch.ones(1)) / Error(even, torch.ones(1)), 1, double.MaxValue);
    }

    [Fact]
    public void Calibrate_ImportanceThatDoesNotFit_SaysWhatIsWrong()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new ChannelLevelsQuantizer(3, s_rows);
        var x = Seeded.Normal(11, 4, 6);
        string Message(torch.Tensor importance) => Assert.Throws<QuantizationException>(() => quantizer.Calibrate(x, importance)).Message;

        Assert.Contains("[1, 5] does not broadcast to data of shape [4, 6]", Message(torch.ones(1, 5)), StringComparison.Ordinal);
        Assert.Contains("[1, 4, 6] does not broadcast", Message(torch.ones(1, 4, 6)), StringComparison.Ordinal);
        Assert.Contains("The smallest importance is -2; expected at least 0", Message(torch.tensor([1f, 1, 1, 1, -2, 1])), StringComparison.Ordinal);
        Assert.Contains("NaN", Message(torch.tensor([1f, 1, 1, 1, float.NaN, 1])), StringComparison.Ordinal);
        Assert.False(quantizer.IsCalibrated);
    }

    [Theory]
    [InlineData("levels", 4, 256.0, "'levels'[4] of a 'channel-levels' quantizer is 256; expected a whole number from 0 to 255")]
    [InlineData("levels", 6, 0.0, "'levels'[6] of a 'channel-levels' quantizer is 0; expected at least the entry before")]
    [InlineData("zero_point", 1, 1.5, "'zero_point'[1] of a 'channel-levels' quantizer is 1.5; expected a whole number from 0 to 255")]
    [InlineData("scale", 0, 0.0, "'scale'[0] of a 'channel-levels' quantizer is 0; expected a finite float32 number above 0")]
    [InlineData("scale", -1, 0.0, "have 'levels' of 8, 'scale' of 1, 'zero_point' of 2 entries; expected a granularity per channel, a scale, a zero point and 4 levels for each channel")]
    public void ImportParameters_ThatDoNotFit_NamesTheEntry(string vector, int index, double value, string message)
    {
        using var quantizer = new ChannelLevelsQuantizer(2, s_rows);
        using var other = new ChannelLevelsQuantizer(2, s_rows);
        quantizer.Calibrate(Seeded.Normal(12, 2, 50));
        var parameters = quantizer.ExportParameters();
        var values = parameters.Values.ToDictionary(static entry => entry.Key, static entry => entry.Value.ToArray());
        if (index < 0)
        {
            values[vector] = values[vector][1..];
        }
        else
        {
            values[vector][index] = value;
        }

        QuantizationParameters Broken() => parameters.With(values: values.ToDictionary(static entry => entry.Key, static entry => (IReadOnlyList<double>)entry.Value));

        Assert.Contains(message, Assert.Throws<QuantizationException>(() => other.ImportParameters(Broken())).Message, StringComparison.Ordinal);
        Assert.False(other.IsCalibrated);
    }
}
