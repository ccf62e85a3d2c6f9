using CsCheck;
using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Contracts;

/// <summary>
/// What every quantizer must do, on every bit width. A scheme joins by deriving a class that makes its quantizers; a test in this folder sees to it that none is missing.
/// </summary>
public abstract class QuantizerContract
{
    private const int Samples = 12;
    private const int Channels = 3;

    public static TheoryData<int> AllBits { get; } = [2, 3, 4, 5, 6, 7, 8];

    /// <summary>The granularity that <see cref="Create"/> gives.</summary>
    protected virtual Granularity Granularity => Granularity.Tensor;

    /// <summary>Whether the scheme is for numbers that are not negative.</summary>
    protected virtual bool NonNegative => false;

    /// <summary>An uncalibrated quantizer.</summary>
    protected abstract IQuantizer Create(int bits);

    /// <summary>The scale on which steps are equal, or at least on which the middle between levels separates them.</summary>
    protected virtual double Coordinate(double x, QuantizationParameters parameters) => x;

    /// <summary>How far x' may be from x on that scale, for x between two levels.</summary>
    protected virtual double AllowedDistance(double lower, double upper, QuantizationParameters parameters) => (upper - lower) / 2;

    /// <summary>x' by the paper's formula in differentiable operations, every rounding straight-through.</summary>
    protected abstract torch.Tensor Compose(torch.Tensor x, QuantizationParameters parameters, Func<torch.Tensor, torch.Tensor> round);

    /// <summary>How wide the numbers that float32 stores as this level are, on the scale of <see cref="Coordinate"/>: not little for subnormal levels on a logarithmic one.</summary>
    private double RoundingOf(float level, QuantizationParameters parameters)
    {
        var half = ((double)MathF.BitIncrement(level) - level) / 2;
        return Math.Abs(Coordinate(level + half, parameters) - Coordinate(Math.Max(level - half, NonNegative ? 0 : double.NegativeInfinity), parameters));
    }

    private bool PerChannel => Granularity is Granularity.PerChannel;

    private int Axis => Granularity is Granularity.PerChannel channel ? channel.Resolve(2) : -1;

    [Theory]
    [MemberData(nameof(AllBits))]
    public void Quantize_EveryRepresentableValue_ReturnsItsCode(int bits) => ForAll(bits, (quantizer, _) =>
    {
        var (codes, values) = Grid(quantizer);
        var again = quantizer.Quantize(values);
        TensorAssert.Identical(values, quantizer.Dequantize(again));
        Assert.True(Same(again, codes) || Rows(values).Any(HasEqualEntries), "Distinct levels must keep their codes.");
    });

    [Theory]
    [MemberData(nameof(AllBits))]
    public void FakeQuantize_AnyInput_HasAtMostAsManyOutputsAsCodes(int bits) => ForAll(bits, (quantizer, x) =>
    {
        var spread = torch.cat([x, x * 2, x * 0.3, x * 0.01, x + (x * 0.77f)], Axis == 0 ? 1 : 0);
        var output = quantizer.FakeQuantize(spread);
        foreach (var row in Rows(output))
        {
            Assert.True(row.Distinct().Count() <= quantizer.Bits.CodeCount);
        }

        var codes = quantizer.Quantize(spread);
        Assert.Equal(torch.ScalarType.Byte, codes.dtype);
        Assert.True(codes.max().item<byte>() <= quantizer.Bits.MaxCode);
        TensorAssert.Identical(quantizer.Dequantize(codes), output);
    });

    [Theory]
    [MemberData(nameof(AllBits))]
    public void FakeQuantize_Twice_EqualsOnce(int bits) => ForAll(bits, (quantizer, x) =>
    {
        var once = quantizer.FakeQuantize(x);
        TensorAssert.Identical(once, quantizer.FakeQuantize(once));
    });

    [Theory]
    [MemberData(nameof(AllBits))]
    public void FakeQuantize_AscendingInput_IsAscending(int bits) => ForAll(bits, (quantizer, x) =>
    {
        var sorted = torch.cat([x, x * 1.5, x * 0.5], Axis == 0 ? 1 : 0).sort(Axis == 0 ? 1 : 0).Values;
        foreach (var row in Rows(quantizer.FakeQuantize(sorted), ascendingWithin: true))
        {
            Assert.True(row.Zip(row.Skip(1), (a, b) => a <= b).All(ok => ok));
        }
    });

    [Theory]
    [MemberData(nameof(AllBits))]
    public void FakeQuantize_InsideRange_ErrsByHalfAStepAtMost(int bits) => ForAll(bits, (quantizer, x) =>
    {
        var parameters = quantizer.ExportParameters();
        var levels = Rows(Grid(quantizer).Values).ToArray();
        var inputs = Rows(x).ToArray();
        var outputs = Rows(quantizer.FakeQuantize(x)).ToArray();
        for (var row = 0; row < levels.Length; row++)
        {
            var ladder = levels[row].Distinct().Order().ToArray();
            for (var i = 0; i < inputs[row].Length; i++)
            {
                var above = Array.FindIndex(ladder, level => level >= inputs[row][i]);
                if (above < 1)
                {
                    continue;
                }

                var lower = Coordinate(ladder[above - 1], parameters);
                var upper = Coordinate(ladder[above], parameters);
                var distance = Math.Abs(Coordinate(inputs[row][i], parameters) - Coordinate(outputs[row][i], parameters));
                var allowed = AllowedDistance(Math.Min(lower, upper), Math.Max(lower, upper), parameters);

                var rounding = (2e-6 * Math.Max(Math.Abs(lower), Math.Abs(upper)))
                    + Math.Max(RoundingOf(ladder[above - 1], parameters), RoundingOf(ladder[above], parameters));
                Assert.True(distance <= (allowed * 1.0001) + rounding, $"{inputs[row][i]:R} became {outputs[row][i]:R}, levels {ladder[above - 1]:R} and {ladder[above]:R}");
            }
        }
    });

    [Theory]
    [MemberData(nameof(AllBits))]
    public void ImportAndClone_Exported_GiveEqualQuantizers(int bits) => ForAll(bits, (quantizer, x) =>
    {
        using var imported = Create(bits);
        Assert.False(imported.IsCalibrated);
        imported.ImportParameters(quantizer.ExportParameters());
        using var clone = quantizer.Clone();
        var expected = quantizer.FakeQuantize(x);
        foreach (var equal in (IQuantizer[])[imported, clone])
        {
            Assert.True(equal.IsCalibrated);
            Assert.Equal((quantizer.Scheme, quantizer.Bits, quantizer.Granularity), (equal.Scheme, equal.Bits, equal.Granularity));
            TensorAssert.Identical(expected, equal.FakeQuantize(x));
            TensorAssert.Identical(quantizer.Quantize(x), equal.Quantize(x));
            AssertEqual(quantizer.ExportParameters(), equal.ExportParameters());
        }

        clone.Calibrate(torch.ones_like(x));
        TensorAssert.Identical(expected, quantizer.FakeQuantize(x));
    });

    /// <summary>Exported parameters decode without torch what the quantizer decodes with it, bit for bit; those of a scheme that is not the library's say that they cannot.</summary>
    [Theory]
    [MemberData(nameof(AllBits))]
    public void ExportParameters_Dequantize_GivesTheQuantizersBits(int bits) => ForAll(bits, (quantizer, x) =>
    {
        var parameters = quantizer.ExportParameters();
        var codes = quantizer.Quantize(x).contiguous();
        var values = new float[codes.numel()];
        if (parameters is CustomParameters)
        {
            Assert.Contains($"'{quantizer.Scheme}'", Assert.Throws<QuantizationException>(() => parameters.Dequantize(codes.bytes, codes.shape, values)).Message, StringComparison.Ordinal);
            return;
        }

        parameters.Dequantize(codes.bytes, codes.shape, values);

        TensorAssert.Identical(quantizer.Dequantize(codes).to(torch.ScalarType.Float32), torch.tensor(values).view(codes.shape));
    });

    [Theory]
    [MemberData(nameof(AllBits))]
    public void FakeQuantize_UnderAutograd_HasTheGradientOfTheStraightThroughFormula(int bits) => ForAll(bits, (quantizer, data) =>
    {
        var parameters = quantizer.ExportParameters();
        var spread = torch.cat([data, data * 1.7, data * 0.4], Axis == 0 ? 1 : 0);
        var upstream = torch.linspace(-1, 1, spread.numel(), torch.ScalarType.Float32).view(spread.shape);

        var x = spread.clone().requires_grad_();
        var output = quantizer.FakeQuantize(x);
        TensorAssert.Identical(quantizer.FakeQuantize(spread), output);
        (output * upstream).sum().backward();

        var residue = torch.zeros(spread.shape, torch.ScalarType.Float64);
        var wide = spread.to(torch.ScalarType.Float64).requires_grad_();
        var composed = Compose(wide, parameters, y =>
        {
            // Where the rounded quantity is all but at a tie, float32 and float64 may part: float32 knows it to one part in 2^23 only.
            var position = y.detach();
            residue = torch.maximum(residue, ((position - position.floor() - 0.5).abs() - (position.abs() * Math.Pow(2, -23))).mul(-1).exp());
            return StraightThrough.Round(y);
        });
        (composed * upstream).sum().backward();

        // Below the smallest normal number float32 has no relative accuracy.
        var usable = residue.lt(Math.Exp(-1e-3)).logical_and(spread.abs().gt(1e-35)).logical_or(spread.eq(0).logical_and(torch.tensor(!NonNegative)));
        var expected = torch.where(usable, wide.grad!, torch.zeros_like(wide)).to(torch.ScalarType.Float32);
        var actual = torch.where(usable, x.grad!, torch.zeros_like(x));
        TensorAssert.Close(expected, actual, new(2e-4, 1e-6));
    });

    [Theory]
    [MemberData(nameof(AllBits))]
    public void FakeQuantize_ConstantData_IsExact(int bits)
    {
        using var scope = torch.NewDisposeScope();
        foreach (var value in Domain(0f, 1f, -1f, 0.1f, -0.3f, 1234.567f, -7e30f, 3e38f, -3e38f, float.MaxValue, 1e-30f, 1e-40f, float.Epsilon, -float.Epsilon))
        {
            using var quantizer = Create(bits);
            var x = torch.full([4, Channels], value, torch.ScalarType.Float32);
            x = Axis == 0 ? x.t().contiguous() : x;
            quantizer.Calibrate(x);
            var output = quantizer.FakeQuantize(x);
            Assert.True(Same(output, x), $"{value:R} became {output.view(-1)[0].item<float>():R}");
            if (Math.Abs(value) <= float.MaxValue / 2)
            {
                Assert.All(Rows(Grid(quantizer).Values), row => Assert.All(row, level => Assert.True(float.IsFinite(level))));
            }
        }
    }

    [Theory]
    [MemberData(nameof(AllBits))]
    public void Calibrate_OneNumber_IsExact(int bits)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(bits);
        var x = PerChannel ? torch.tensor([0.25f, 3, 7e-3f]).view(Axis == 0 ? [Channels, 1] : [1, Channels]) : torch.tensor(0.7f);
        quantizer.Calibrate(x);
        TensorAssert.Identical(x, quantizer.FakeQuantize(x));
    }

    [Theory]
    [MemberData(nameof(AllBits))]
    public void Calibrate_SubnormalData_StaysFiniteAndMonotone(int bits) => Extreme(bits, [0, 1e-45f, 3e-45f, 1e-42f, 5e-41f, 1e-39f]);

    [Theory]
    [MemberData(nameof(AllBits))]
    public void Calibrate_HugeData_StaysFiniteAndMonotone(int bits) =>
        Extreme(bits, NonNegative ? [0, 1, 1e20f, 1e38f, 2e38f, float.MaxValue] : [float.MinValue, -1e38f, 0, 1, 3e38f, float.MaxValue]);

    [Theory]
    [MemberData(nameof(AllBits))]
    public void Calibrate_HairlineRange_StaysFiniteAndMonotone(int bits) =>
        Extreme(bits, [1, MathF.BitIncrement(1), 1.000001f, 1.000002f, 1.000003f, 1.00001f]);

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "Infinity")]
    [InlineData(float.NegativeInfinity, "-Infinity")]
    public void Calibrate_NotFinite_SaysWhere(float value, string name)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(4);
        var x = torch.ones(Channels, Channels, 5);
        x[2, 1, 3] = value;
        var exception = Assert.Throws<QuantizationException>(() => quantizer.Calibrate(x));
        Assert.Contains($"{name} at [2, 1, 3] of shape [3, 3, 5]", exception.Message, StringComparison.Ordinal);
        Assert.False(quantizer.IsCalibrated);
    }

    [Fact]
    public void Calibrate_Empty_Throws()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(4);
        Assert.Contains("[0, 3]", Assert.Throws<QuantizationException>(() => quantizer.Calibrate(torch.zeros(0, 3))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Calibrate_Integers_Throws()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(4);
        Assert.Throws<QuantizationException>(() => quantizer.Calibrate(torch.ones([3, 3], torch.ScalarType.Int64)));
    }

    [Fact]
    public void AnyUse_NotCalibrated_Throws()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(4);
        var x = torch.ones(3, 3);
        foreach (var use in (Action[])[
            () => quantizer.Quantize(x), () => quantizer.Dequantize(x), () => quantizer.FakeQuantize(x), () => quantizer.ExportParameters()])
        {
            Assert.Contains("Calibrate", Assert.Throws<QuantizationException>(use).Message, StringComparison.Ordinal);
        }

        using var clone = quantizer.Clone();
        Assert.False(clone.IsCalibrated);
    }

    [Fact]
    public void AnyUse_OtherChannelCount_Throws()
    {
        if (!PerChannel)
        {
            return;
        }

        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(4);
        quantizer.Calibrate(Seeded.Uniform(1, Channels, Channels));
        var x = Axis == 0 ? torch.ones(5, 3) : torch.ones(3, 5);
        foreach (var use in (Action[])[() => quantizer.Quantize(x), () => quantizer.Dequantize(x), () => quantizer.FakeQuantize(x)])
        {
            var message = Assert.Throws<QuantizationException>(use).Message;
            Assert.Contains("5 channels", message, StringComparison.Ordinal);
            Assert.Contains("calibrated for 3", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ImportParameters_OfAnotherKind_Throws()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(4);
        using var calibrated = Create(4);
        calibrated.Calibrate(Seeded.Uniform(1, Channels, Channels));
        var good = calibrated.ExportParameters();
        foreach (var bad in (Func<QuantizationParameters>[])[
            () => good.With(scheme: "other"),
            () => good.With(bits: 5),
            () => good.With(granularity: Granularity.Channel(7)),
            () => good.With(values: new Dictionary<string, IReadOnlyList<double>>())])
        {
            Assert.Throws<QuantizationException>(() => quantizer.ImportParameters(bad()));
        }

        foreach (var name in good.Values.Keys)
        {
            foreach (var wrong in (double[][])[[], [double.NaN, 1, 1], [double.PositiveInfinity], [1, 2, 3, 4, 5]])
            {
                var values = new Dictionary<string, IReadOnlyList<double>>(good.Values) { [name] = wrong };
                var exception = Assert.Throws<QuantizationException>(() => quantizer.ImportParameters(good.With(values: values)));
                Assert.Contains($"'{name}'", exception.Message, StringComparison.Ordinal);
            }
        }

        foreach (var name in good.Options.Keys)
        {
            var options = new Dictionary<string, string>(good.Options) { [name] = "nonsense" };
            Assert.Contains("'nonsense'", Assert.Throws<QuantizationException>(() => quantizer.ImportParameters(good.With(options: options))).Message, StringComparison.Ordinal);
        }

        Assert.False(quantizer.IsCalibrated);
    }

    [Theory]
    [InlineData(torch.ScalarType.Float64)]
    [InlineData(torch.ScalarType.BFloat16)]
    [InlineData(torch.ScalarType.Float16)]
    public void FakeQuantize_OtherType_KeepsIt(torch.ScalarType type)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(4);
        var data = Data(7);
        quantizer.Calibrate(data.to(type));
        var x = data.to(type).requires_grad_();
        var output = quantizer.FakeQuantize(x);
        Assert.Equal(type, output.dtype);

        // Levels are float32 whatever the input is.
        TensorAssert.Close(quantizer.FakeQuantize(x.detach().to(torch.ScalarType.Float32)).to(type), output, Tolerances.For(type == torch.ScalarType.Float64 ? torch.ScalarType.Float32 : type));
        output.sum().backward();
        Assert.Equal(type, x.grad!.dtype);
    }

    [Fact]
    public void FakeQuantize_NotContiguous_EqualsContiguous()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(4);
        var x = Data(5);
        quantizer.Calibrate(x);
        var strided = x.t().contiguous().t();
        Assert.False(strided.is_contiguous());
        TensorAssert.Identical(quantizer.FakeQuantize(x), quantizer.FakeQuantize(strided));
        TensorAssert.Identical(quantizer.Quantize(x), quantizer.Quantize(strided));
        var leaf = strided.detach().requires_grad_();
        var upstream = torch.linspace(0, 1, x.numel()).view(x.shape);
        var contiguous = x.clone().requires_grad_();
        (quantizer.FakeQuantize(leaf) * upstream).sum().backward();
        (quantizer.FakeQuantize(contiguous) * upstream).sum().backward();
        TensorAssert.Identical(contiguous.grad!, leaf.grad!);
    }

    [Fact]
    public void Calibrate_NotContiguous_EqualsContiguous()
    {
        using var scope = torch.NewDisposeScope();
        using var first = Create(4);
        using var second = Create(4);
        var x = Data(5);
        first.Calibrate(x);
        second.Calibrate(x.t().contiguous().t());
        AssertEqual(first.ExportParameters(), second.ExportParameters());
    }

    [Fact]
    public void FakeQuantize_EmptyTensor_IsEmpty()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(4);
        quantizer.Calibrate(Data(5));
        var x = Axis == 0 ? torch.zeros(Channels, 0) : torch.zeros(0, Channels);
        Assert.Equal(x.shape, quantizer.FakeQuantize(x).shape);
        Assert.Equal(x.shape, quantizer.Quantize(x).shape);
        Assert.Equal(x.shape, quantizer.FakeQuantize(x.requires_grad_()).shape);
    }

    [Fact]
    public void FakeQuantize_NaN_StaysNaN()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(4);
        quantizer.Calibrate(Data(5));
        var x = torch.full([Channels, Channels], float.NaN);
        Assert.True(quantizer.FakeQuantize(x).isnan().all().item<bool>());
        var leaf = x.clone().requires_grad_();
        quantizer.FakeQuantize(leaf).sum().backward();
        TensorAssert.Identical(torch.zeros_like(x), leaf.grad!);
    }

    [Fact]
    public void FakeQuantize_Infinities_GiveTheEnds()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(4);
        quantizer.Calibrate(Data(5));
        var levels = Rows(Grid(quantizer).Values).ToArray();
        var high = Rows(quantizer.FakeQuantize(torch.full([Channels, Channels], float.PositiveInfinity))).ToArray();
        var low = Rows(quantizer.FakeQuantize(torch.full([Channels, Channels], float.NegativeInfinity))).ToArray();
        for (var row = 0; row < levels.Length; row++)
        {
            Assert.All(high[row], v => Assert.Equal(levels[row].Max(), v));
            Assert.All(low[row], v => Assert.Equal(levels[row].Min(), v));
        }
    }

    [Fact]
    public void EveryOperation_LeavesNoTensorBehind()
    {
        using var outer = torch.NewDisposeScope();
        var x = Data(5);
        var leaf = x.clone().requires_grad_();
        LiveTensors.AssertNoneLeftBy(() =>
        {
            using var scope = torch.NewDisposeScope();
            using var quantizer = Create(4);
            quantizer.Calibrate(x);
            quantizer.Dequantize(quantizer.Quantize(x));
            quantizer.FakeQuantize(x);
            quantizer.FakeQuantize(leaf).sum().backward();
            leaf.grad!.Dispose();
            leaf.grad = null;
            quantizer.MoveTo(torch.CPU);
            using var clone = quantizer.Clone();
            clone.FakeQuantize(x);
        });
    }

    [Fact]
    public void EveryOperation_WithoutScope_LeavesOnlyItsResult()
    {
        using var x = Data(5);
        using var leaf = x.clone().requires_grad_();
        using var quantizer = Create(4);
        LiveTensors.AssertNoneLeftBy(() =>
        {
            quantizer.Calibrate(x);
            using var codes = quantizer.Quantize(x);
            using var back = quantizer.Dequantize(codes);
            using var fake = quantizer.FakeQuantize(x);
            using var differentiable = quantizer.FakeQuantize(leaf);

            // The copies of the parameters that the quantizer keeps are its own.
            quantizer.MoveTo(torch.CPU);
        });
    }

    /// <summary>Generated data of many magnitudes, spreads and outliers; the quantizer is calibrated on it.</summary>
    private void ForAll(int bits, Action<IQuantizer, torch.Tensor> check)
    {
        var generated =
            from rows in Gen.Int[1, 24]
            from exponent in Gen.Int[-24, 24]
            from offset in Gen.Double[-2, 2]
            from outlier in Gen.Int[0, 3]
            from numbers in Gen.Double[-1, 1].Array[rows * Channels]
            select (rows, values: numbers.Select((n, i) => (float)(Math.ScaleB((n * n * n) + offset + (i == outlier ? 10 * n : 0), exponent))).ToArray());
        generated.Sample(
            sample =>
            {
                using var scope = torch.NewDisposeScope();
                using var quantizer = Create(bits);
                var x = torch.tensor(NonNegative ? Array.ConvertAll(sample.values, Math.Abs) : sample.values).view(sample.rows, Channels);
                x = Axis == 0 ? x.t().contiguous() : x;
                quantizer.Calibrate(x);
                check(quantizer, x);
            },
            iter: Samples,
            threads: 1);
    }

    private void Extreme(int bits, float[] values)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(bits);
        var column = torch.tensor(values).view(-1, 1).expand(-1, Channels).contiguous();
        var x = Axis == 0 ? column.t().contiguous() : column;
        quantizer.Calibrate(x);
        var (_, grid) = Grid(quantizer);
        Assert.All(Rows(grid), row => Assert.All(row, level => Assert.True(float.IsFinite(level))));
        var output = quantizer.FakeQuantize(x);
        foreach (var row in Rows(output, ascendingWithin: true))
        {
            Assert.True(row.Zip(row.Skip(1), (a, b) => a <= b).All(ok => ok), string.Join(" ", row));
            Assert.All(row, value => Assert.True(float.IsFinite(value)));
        }

        TensorAssert.Identical(output, quantizer.FakeQuantize(output));
        TensorAssert.Identical(grid, quantizer.FakeQuantize(grid));
    }

    private torch.Tensor Data(int rows)
    {
        using var scope = torch.NewDisposeScope();
        var x = Seeded.Normal(rows, rows, Channels);
        x = NonNegative ? x.abs() : x;
        return (Axis == 0 ? x.t().contiguous() : x).MoveToOuterDisposeScope();
    }

    private IEnumerable<float> Domain(params float[] values) => values.Where(v => !NonNegative || v >= 0);

    /// <summary>Every code and what it stands for, in every channel.</summary>
    private (torch.Tensor Codes, torch.Tensor Values) Grid(IQuantizer quantizer)
    {
        var codes = torch.arange(quantizer.Bits.CodeCount).to(torch.ScalarType.Byte).view(-1, 1).expand(-1, Channels).contiguous();
        codes = Axis == 0 ? codes.t().contiguous() : codes;
        return (codes, quantizer.Dequantize(codes));
    }

    /// <summary>The numbers of each set of parameters.</summary>
    private IEnumerable<float[]> Rows(torch.Tensor x, bool ascendingWithin = false)
    {
        if (Axis < 0 && !ascendingWithin)
        {
            return [x.contiguous().data<float>().ToArray()];
        }

        var byRow = Axis == 0 ? x : x.t();
        return byRow.contiguous().data<float>().ToArray().Chunk(Math.Max(1, (int)byRow.shape[1]));
    }

    private static bool HasEqualEntries(float[] row) => row.Distinct().Count() < row.Length;

    private static bool Same(torch.Tensor a, torch.Tensor b) => a.shape.SequenceEqual(b.shape) && a.eq(b).all().item<bool>();

    private static void AssertEqual(QuantizationParameters expected, QuantizationParameters actual)
    {
        Assert.Equal((expected.Scheme, expected.Bits, expected.Granularity), (actual.Scheme, actual.Bits, actual.Granularity));
        Assert.Equal(expected.Values.Keys, actual.Values.Keys);
        Assert.All(expected.Values, pair => Assert.Equal(pair.Value, actual.Values[pair.Key]));
        Assert.Equal(expected.Options, actual.Options);
    }
}
