using IsVit.Model.Quantization;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Quantizers;

/// <summary>A per-channel quantizer is one per-tensor quantizer for each slice, wherever the channels lie: tokens, windows' B,H,W,C, images, kernels, in any memory order.</summary>
public sealed class ChannelAxisTests
{
    public static TheoryData<string, int, long[], bool> Cases { get; } = CreateCases();

    [Theory]
    [MemberData(nameof(Cases))]
    public void FakeQuantize_PerChannel_EqualsEachSliceByItself(string kind, int axis, long[] shape, bool strided)
    {
        using var scope = NewDisposeScope();
        var position = axis < 0 ? axis + shape.Length : axis;
        var channels = shape[position];
        using var quantizer = Create(kind, Granularity.Channel(axis));
        var data = Numbers(11, shape, position, strided);
        var x = Numbers(12, shape, position, strided).requires_grad_();
        var weights = Seeded.Normal(13, shape);
        Assert.Equal(strided, !data.is_contiguous());

        quantizer.Calibrate(data);
        var codes = quantizer.Quantize(x);
        var output = quantizer.FakeQuantize(x);
        (output * weights).sum().backward();

        Assert.Equal(shape, output.shape);
        Assert.True(channels >= 2);
        for (var channel = 0L; channel < channels; channel++)
        {
            using var alone = Create(kind, Granularity.Tensor);
            alone.Calibrate(data.select(position, channel));
            var slice = x.detach().select(position, channel).clone().requires_grad_();
            var expected = alone.FakeQuantize(slice);
            (expected * weights.select(position, channel)).sum().backward();

            TensorAssert.Identical(alone.Quantize(slice), codes.select(position, channel));
            TensorAssert.Identical(expected, output.select(position, channel));
            TensorAssert.Identical(alone.Dequantize(alone.Quantize(slice)), quantizer.Dequantize(codes).select(position, channel));
            TensorAssert.Identical(slice.grad!, x.grad!.select(position, channel));
            foreach (var (name, values) in alone.ExportParameters().Values)
            {
                Assert.Equal(values[0], quantizer.ExportParameters().Values[name][(int)channel]);
            }
        }
    }

    [Fact]
    public void FakeQuantize_AnotherNumberOfChannels_NamesBothNumbers()
    {
        using var scope = NewDisposeScope();
        using var quantizer = Create("uniform", Granularity.Channel(1));
        quantizer.Calibrate(Seeded.Normal(1, 2, 6, 5, 5));

        var error = Assert.Throws<QuantizationException>(() => quantizer.FakeQuantize(Seeded.Normal(1, 2, 5, 6, 6)));

        Assert.Contains("6", error.Message, StringComparison.Ordinal);
        Assert.Contains("5", error.Message, StringComparison.Ordinal);
    }

    private static TheoryData<string, int, long[], bool> CreateCases()
    {
        var cases = new TheoryData<string, int, long[], bool>();
        (int Axis, long[] Shape)[] places =
        [
            (-1, [3, 17, 24]), // tokens: batch, tokens, channels
            (-1, [2, 7, 5, 24]), // timm's Swin: batch, height, width, channels
            (1, [2, 6, 9, 11]), // images of a convolution: batch, channels, height, width
            (-3, [2, 6, 9, 11]),
            (0, [10, 3, 4, 4]), // kernels: out, in, height, width
            (-1, [4, 3, 12, 8]), // heads: batch, heads, tokens, width
        ];
        foreach (var kind in new[] { "uniform", "minmax", "fine", "symmetric" })
        {
            foreach (var (axis, shape) in places)
            {
                cases.Add(kind, axis, shape, false);
                cases.Add(kind, axis, shape, true);
            }
        }

        return cases;
    }

    private static UniformQuantizer Create(string kind, Granularity granularity) => kind switch
    {
        "uniform" => new UniformQuantizer(4, granularity),
        "minmax" => new UniformQuantizer(3, granularity, new() { RangeObserver = RangeObserver.MinMax }),
        "fine" => new UniformQuantizer(3, granularity, new() { RangeObserver = RangeObserver.Mse }),
        _ => new UniformQuantizer(4, granularity, new() { Symmetric = true, RangeObserver = RangeObserver.MinMax }),
    };

    // Every channel has a range of its own; the strided ones lie in memory with their axes in reverse.
    private static Tensor Numbers(int seed, long[] shape, int position, bool strided)
    {
        long[] across = [.. Enumerable.Repeat(1L, shape.Length)];
        across[position] = shape[position];
        var numbers = (Seeded.Normal(seed, shape) + Seeded.Normal(5, across)) * Seeded.Normal(6, across).exp();
        long[] reversed = [.. Enumerable.Range(0, shape.Length).Reverse().Select(static axis => (long)axis)];
        return strided ? numbers.permute(reversed).contiguous().permute(reversed) : numbers;
    }
}
