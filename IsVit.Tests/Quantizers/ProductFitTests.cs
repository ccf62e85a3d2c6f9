using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers;

/// <summary>Levels that are fitted to a product of attention and values.</summary>
public sealed class ProductFitTests
{
    private static readonly ShiftUniformLog2Options s_fitted = new() { Levels = SulqLevels.Fitted };

    [Fact]
    public void Of_AnyOperands_GivesTheProductsErrorForEveryChoiceOfLevels()
    {
        using var scope = torch.NewDisposeScope();
        var (attention, values) = Operands(3, 2, 29, 13);
        var importance = Seeded.Normal(5, 3, 2, 29).abs();
        using var operands = ProductOperands.Create(attention, values, importance, "test");
        float[] thresholds = [0.01f, 0.03f, 0.08f];
        var moments = ProductMoments.Of(operands, thresholds);
        foreach (var levels in new float[][] { [0, 0, 0, 0], [0.005f, 0.02f, 0.05f, 0.2f], [0.3f, -0.1f, 0.7f, 0.02f] })
        {
            var rounded = torch.tensor(levels)[torch.TensorIndex.Tensor(torch.bucketize(attention, torch.tensor(thresholds), right: true))];
            var expected = (((rounded - attention).matmul(values).square().sum(-1)) * importance).sum().item<float>();
            Assert.Equal(expected, moments.Error(Array.ConvertAll(levels, static level => (double)level)), 2e-4 * moments.Target);
        }
    }

    [Fact]
    public void Together_NeighbouringBins_IsWhatTheirThresholdsGive()
    {
        using var scope = torch.NewDisposeScope();
        var (attention, values) = Operands(2, 2, 23, 8);
        using var operands = ProductOperands.Create(attention, values, null, "test");
        var fine = ProductMoments.Of(operands, [0.005f, 0.01f, 0.03f, 0.08f, 0.2f]).Together([2, 4]);
        var coarse = ProductMoments.Of(operands, [0.01f, 0.08f]);
        double[] levels = [0.003, 0.04, 0.25];
        Assert.Equal(coarse.Error(levels), fine.Error(levels), 1e-5 * coarse.Target);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Calibrate_Product_NoLevelMovedLosesLess(int bits)
    {
        using var scope = torch.NewDisposeScope();
        var (attention, values) = Operands(4, 3, 61, 16);
        using var quantizer = new ShiftUniformLog2Quantizer(bits, Granularity.Tensor, s_fitted);
        quantizer.Calibrate(attention, values, null);
        var parameters = quantizer.ExportParameters();
        var levels = parameters.Required("levels");
        var least = Error(quantizer, attention, values);
        for (var i = 0; i < levels.Count; i++)
        {
            foreach (var step in new[] { -0.05, 0.05 })
            {
                var moved = levels.ToArray();
                var room = step < 0 ? (i == 0 ? moved[0] + 1 : moved[i] - moved[i - 1]) : i == moved.Length - 1 ? moved[i] : moved[i + 1] - moved[i];
                moved[i] += step * room;
                using var other = new ShiftUniformLog2Quantizer(bits, Granularity.Tensor);
                other.ImportParameters(parameters.With(values: new Dictionary<string, IReadOnlyList<double>>(parameters.Values) { ["levels"] = moved }));
                Assert.True(Error(other, attention, values) > least * 0.9999, $"level {i}, {step}");
            }
        }
    }

    // Rows that attend to all tokens alike: what a level is off, it is off for all of them at once.
    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Calibrate_Product_LosesFarLessThanLevelsFittedToTheNumbers(int bits)
    {
        using var scope = torch.NewDisposeScope();
        var attention = torch.cat([(Seeded.Normal(1, 4, 1, 97, 97) * 0.3).softmax(-1), (Seeded.Normal(2, 4, 1, 97, 97) * 5).softmax(-1)], 1);
        var values = Seeded.Normal(3, 4, 2, 97, 16) + 1;
        using var fitted = new ShiftUniformLog2Quantizer(bits, Granularity.Tensor, s_fitted);
        using var free = new ShiftUniformLog2Quantizer(bits, Granularity.Tensor);
        fitted.Calibrate(attention, values, null);
        free.Calibrate(attention);
        Assert.True(Error(fitted, attention, values) < Error(free, attention, values) / 3, $"{Error(fitted, attention, values)} {Error(free, attention, values)}");
    }

    [Fact]
    public void Calibrate_Product_RowsThatCountMoreLoseLess()
    {
        using var scope = torch.NewDisposeScope();
        var (attention, values) = Operands(4, 2, 41, 8);
        var importance = torch.ones(2, 41);
        importance[.., 0] = 1000;
        double First(torch.Tensor? counts)
        {
            using var quantizer = new ShiftUniformLog2Quantizer(3, Granularity.Tensor, s_fitted);
            quantizer.Calibrate(attention, values, counts);
            return (quantizer.FakeQuantize(attention) - attention).narrow(2, 0, 1).matmul(values).square().sum().item<float>();
        }

        Assert.True(First(importance) < First(null) * 0.9, $"{First(importance)} {First(null)}");
    }

    [Fact]
    public void ExportParameters_Fitted_ImportAndCloneGiveTheSameNumbers()
    {
        using var scope = torch.NewDisposeScope();
        var (attention, values) = Operands(2, 2, 31, 8);
        using var quantizer = new ShiftUniformLog2Quantizer(4, Granularity.Tensor, s_fitted);
        quantizer.Calibrate(attention, values, null);
        using var imported = new ShiftUniformLog2Quantizer(4, Granularity.Tensor);
        imported.ImportParameters(quantizer.ExportParameters());
        using var clone = quantizer.Clone();
        var expected = quantizer.FakeQuantize(attention).data<float>().ToArray();
        Assert.Equal(expected, imported.FakeQuantize(attention).data<float>().ToArray());
        Assert.Equal(expected, clone.FakeQuantize(attention).data<float>().ToArray());
        Assert.Equal("fitted", imported.ExportParameters().Options["levels"]);
        Assert.Equal(expected, quantizer.Dequantize(quantizer.Quantize(attention)).data<float>().ToArray());
        QuantizationParameters Falling() => quantizer.ExportParameters().With(values: new Dictionary<string, IReadOnlyList<double>>(quantizer.ExportParameters().Values) { ["levels"] = [.. quantizer.ExportParameters().Required("levels").Reverse()] });
        Assert.Contains("'levels'[1] of a 'sulq' quantizer", Assert.Throws<QuantizationException>(() => imported.ImportParameters(Falling())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Calibrate_NumbersAlone_GivesFreeLevels()
    {
        using var scope = torch.NewDisposeScope();
        var (attention, _) = Operands(2, 2, 31, 8);
        using var fitted = new ShiftUniformLog2Quantizer(3, Granularity.Tensor, s_fitted);
        using var free = new ShiftUniformLog2Quantizer(3, Granularity.Tensor);
        fitted.Calibrate(attention);
        free.Calibrate(attention);
        Assert.Equal(free.FakeQuantize(attention).data<float>().ToArray(), fitted.FakeQuantize(attention).data<float>().ToArray());
        Assert.Equal("free", fitted.ExportParameters().Options["levels"]);
        Assert.False(free.FitsProducts);
    }

    [Fact]
    public void Calibrate_OneNumber_IsReproduced()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new ShiftUniformLog2Quantizer(3, Granularity.Tensor, s_fitted);
        quantizer.Calibrate(torch.full([2, 5, 5], 0.2f), Seeded.Normal(1, 2, 5, 3), null);
        Assert.Equal(0.2f, quantizer.FakeQuantize(torch.full([1], 0.2f)).item<float>());
    }

    [Fact]
    public void Calibrate_BadOperands_ThrowsAndKeepsTheParameters()
    {
        using var scope = torch.NewDisposeScope();
        var (attention, values) = Operands(2, 2, 11, 4);
        using var quantizer = new ShiftUniformLog2Quantizer(3, Granularity.Tensor, s_fitted);
        quantizer.Calibrate(attention, values, null);
        var before = quantizer.ExportParameters().Required("levels");
        void Fails(torch.Tensor left, torch.Tensor right, torch.Tensor? importance, string expected) =>
            Assert.Contains(expected, Assert.Throws<QuantizationException>(() => quantizer.Calibrate(left, right, importance)).Message, StringComparison.Ordinal);
        Fails(attention, values.narrow(2, 0, 5), null, "[2, 2, 11, 11] and [2, 2, 5, 4]");
        Fails(attention.narrow(0, 0, 0), values.narrow(0, 0, 0), null, "empty product");
        Fails(attention, values / 0, null, "right operand");
        Fails(attention, values, torch.ones(3, 11), "importance of shape [3, 11]");
        Fails(attention, values, torch.full([11], -2f), "smallest importance is -2");
        Fails(attention - 1, values, null, "not negative");
        Assert.Equal(before, quantizer.ExportParameters().Required("levels"));
    }

    private static (torch.Tensor Attention, torch.Tensor Values) Operands(int images, int heads, int tokens, int channels) =>
        ((Seeded.Normal(1, images, heads, tokens, tokens) * 2).softmax(-1), Seeded.Normal(2, images, heads, tokens, channels) + 0.3);

    private static double Error(ShiftUniformLog2Quantizer quantizer, torch.Tensor attention, torch.Tensor values) =>
        (quantizer.FakeQuantize(attention) - attention).to(torch.float64).matmul(values.to(torch.float64)).square().sum().item<double>();
}
