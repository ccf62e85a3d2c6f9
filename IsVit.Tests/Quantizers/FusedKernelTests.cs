using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.FreeLevels;
using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Native;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static IsVit.Tests.Quantizers.KernelCases;

namespace IsVit.Tests.Quantizers;

/// <summary>The fused kernels give the bits of the separate tensor operations.</summary>
public sealed unsafe class FusedKernelTests
{
    public static TheoryData<string, int> PerTensorCases()
    {
        var data = new TheoryData<string, int>();
        foreach (var kind in (string[])["uniform", "symmetric", "sulq-free", "sulq-power-of-two", "log2", "log-sqrt2", "twin-sign", "twin-magnitude", "constant", "narrow"])
        {
            foreach (var bits in (int[])[2, 3, 4, 5, 6, 8])
            {
                data.Add(kind, bits);
            }
        }

        return data;
    }

    public static TheoryData<string, int, int> WidthCases()
    {
        var data = new TheoryData<string, int, int>();
        foreach (var width in Enum.GetValues<VectorWidth>())
        {
            foreach (var (kind, bits) in ((string, int)[])[("uniform", 4), ("narrow", 8), ("sulq-free", 2), ("sulq-free", 3), ("sulq-power-of-two", 4), ("log2", 4), ("sulq-free", 8), ("twin-sign", 6), ("constant", 3)])
            {
                data.Add(kind, bits, (int)width);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(PerTensorCases))]
    public void FakeQuantize_AnyBitPattern_EqualsSeparateOperations(string kind, int bits)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(kind, bits);
        AssertEqualPaths(quantizer, torch.tensor(BitPatterns(quantizer)));
    }

    [Theory]
    [InlineData("uniform", 0, 37, 5)]
    [InlineData("uniform", 0, 1, 300)]
    [InlineData("uniform", 1, 1, 16)]
    [InlineData("uniform", 1, 3, 61)]
    [InlineData("uniform", 1, 40, 1)]
    [InlineData("uniform", -1, 7, 33)]
    [InlineData("uniform", 2, 16, 8)]
    [InlineData("free-levels", 0, 37, 5)]
    [InlineData("free-levels", 0, 1, 300)]
    [InlineData("free-levels", 1, 1, 16)]
    [InlineData("free-levels", 1, 3, 61)]
    [InlineData("free-levels", 1, 40, 1)]
    [InlineData("free-levels", -1, 7, 33)]
    [InlineData("free-levels", 2, 16, 8)]
    public void FakeQuantize_PerChannel_EqualsSeparateOperations(string scheme, int axis, int channels, int inner)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = PerChannel(scheme, 4, axis);
        var position = axis < 0 ? axis + 3 : axis;
        long[] shape = position switch
        {
            0 => [channels, inner, 3],
            1 => [5, channels, inner],
            _ => [5, inner, channels],
        };
        quantizer.Calibrate(Seeded.Normal(3, shape));
        AssertEqualPaths(quantizer, Seeded.Normal(4, shape) * 3);
    }

    [Theory]
    [InlineData("uniform", 4)]
    [InlineData("sulq-free", 3)]
    [InlineData("sulq-free", 8)]
    [InlineData("twin-sign", 4)]
    public void FakeQuantize_ManyThreadsOrOne_IsTheSame(string kind, int bits)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(kind, bits);
        var x = Seeded.Normal(5, 200_001);
        AssertEqualPaths(quantizer, x);
        var alone = Run(quantizer, x, x);
        using var threads = KernelSwitch.Threads(3);
        var together = Run(quantizer, x, x);
        AssertSameBits(alone.Output, together.Output);
        AssertSameBits(alone.Gradient, together.Gradient);
    }

    [Fact]
    public void FakeQuantize_ViewsOfAnyOffsetAndLength_EqualSeparateOperations()
    {
        using var scope = torch.NewDisposeScope();
        using var uniform = Create("uniform", 4);
        using var sulq = Create("sulq-free", 4);
        var x = Seeded.Normal(6, 80);
        for (var offset = 0; offset < 9; offset++)
        {
            for (var length = 0; length < 40; length += 3)
            {
                AssertEqualPaths(uniform, x.narrow(0, offset, length));
                AssertEqualPaths(sulq, x.narrow(0, offset, length));
            }
        }
    }

    [Theory]
    [MemberData(nameof(WidthCases))]
    public void FakeQuantize_AnyVectorWidth_EqualsSeparateOperations(string kind, int bits, int width)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(kind, bits);
        using var vectors = KernelSwitch.Vectors((VectorWidth)width);
        AssertEqualPaths(quantizer, torch.tensor(BitPatterns(quantizer)));
        foreach (var type in (torch.ScalarType[])[torch.ScalarType.Float64, torch.ScalarType.BFloat16])
        {
            AssertEqualPaths(quantizer, torch.tensor(BitPatterns(quantizer)).to(type));
        }
    }

    [Theory]
    [InlineData("uniform", torch.ScalarType.Float32)]
    [InlineData("uniform", torch.ScalarType.Float64)]
    [InlineData("uniform", torch.ScalarType.BFloat16)]
    [InlineData("free-levels", torch.ScalarType.Float32)]
    [InlineData("free-levels", torch.ScalarType.Float64)]
    [InlineData("free-levels", torch.ScalarType.BFloat16)]
    public void FakeQuantize_PerChannelOfAnyType_EqualsSeparateOperations(string scheme, torch.ScalarType type)
    {
        using var scope = torch.NewDisposeScope();
        foreach (var axis in (int[])[0, 1, 2])
        {
            using var quantizer = PerChannel(scheme, 4, axis);
            quantizer.Calibrate(Seeded.Normal(3, 7, 19, 37));
            var x = (Seeded.Normal(4, 7, 19, 37) * 3).to(type);
            foreach (var width in Enum.GetValues<VectorWidth>())
            {
                using var vectors = KernelSwitch.Vectors(width);
                AssertEqualPaths(quantizer, x);
            }

            using var threads = KernelSwitch.Threads(3);
            AssertEqualPaths(quantizer, x);
        }
    }

    [Theory]
    [InlineData(torch.ScalarType.Float32)]
    [InlineData(torch.ScalarType.Float64)]
    [InlineData(torch.ScalarType.BFloat16)]
    public void FakeQuantize_AnyStrides_EqualSeparateOperations(torch.ScalarType type)
    {
        using var scope = torch.NewDisposeScope();
        var x = (Seeded.Normal(6, 6, 10, 40) * 3).to(type);
        var repeated = x.narrow(1, 0, 1).expand(6, 10, 40);
        foreach (var view in (torch.Tensor[])[x.transpose(0, 2), x.transpose(-2, -1), x.permute(2, 0, 1), x.narrow(2, 3, 30), x.narrow(1, 2, 7).transpose(0, 1), x.slice(2, 1, 40, 3), x.slice(0, 0, 6, 2).permute(1, 2, 0), repeated, x.select(2, 5)])
        {
            foreach (var axis in Enumerable.Range(-1, (int)view.dim() + 1))
            {
                using var quantizer = new UniformQuantizer(4, axis < 0 ? Granularity.Tensor : Granularity.Channel(axis));
                quantizer.Calibrate(view);
                AssertEqualPaths(quantizer, view, keepStrides: true);
            }

            using var table = Create("twin-sign", 4);
            AssertEqualPaths(table, view, keepStrides: true);
            using var longTable = Create("sulq-free", 6);
            AssertEqualPaths(longTable, view, keepStrides: true);
        }
    }

    [Fact]
    public void FakeQuantize_TransposedInput_KeepsItsOrderInMemory()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create("uniform", 4);
        var x = Seeded.Normal(6, 4, 5, 6).transpose(1, 2);
        Assert.Equal(x.stride(), quantizer.FakeQuantize(x).stride());
    }

    [Fact]
    public void RoundByAddition_AnyBitPattern_EqualsScalarRounding()
    {
        var random = new Random(3);
        for (var i = 0; i < 100_000; i++)
        {
            var x = i < 4000 ? (i - 2000) * 0.25f : BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32));
            Assert.Equal(MathF.Round(x), Rounded(x));
            Assert.Equal(Math.Round(x * 1.5), RoundedDouble(x * 1.5));
        }
    }

    [Fact]
    public void BFloat16_AnyBitPattern_NarrowsAsLibtorchDoes()
    {
        using var scope = torch.NewDisposeScope();
        var random = new Random(5);
        var values = Enumerable.Range(0, 200_000).Select(_ => BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32))).ToArray();
        var expected = torch.tensor(values).to(torch.ScalarType.BFloat16).to(torch.ScalarType.Float32).data<float>().ToArray();
        Assert.Equal(expected, Array.ConvertAll(values, static value => BFloat16Bits.Narrow(value).Widen()));
        var narrowed = new BFloat16Bits[values.Length];
        foreach (var width in Enum.GetValues<VectorWidth>())
        {
            fixed (float* from = values)
            fixed (BFloat16Bits* to = narrowed)
            {
                TableBlock.Convert(from, to, values.Length - 3, width);
            }

            Assert.Equal(expected[..^3], Array.ConvertAll(narrowed[..^3], static value => value.Widen()));
        }
    }

    [Theory]
    [InlineData("uniform")]
    [InlineData("sulq-free")]
    public void Backward_AfterTheQuantizerChanged_UsesTheForwardPassesParameters(string kind)
    {
        using var scope = torch.NewDisposeScope();
        var data = (Seeded.Normal(2, 8, 60) * 3).softmax(-1);
        var gradients = new List<torch.Tensor>();
        foreach (var change in (Action<IQuantizer>[])[_ => { }, q => q.Calibrate(data * 0.01), q => q.Dispose()])
        {
            var quantizer = Create(kind, 4);
            var x = data.clone().requires_grad_();
            var output = quantizer.FakeQuantize(x);
            change(quantizer);
            output.sum().backward();
            gradients.Add(x.grad!);
        }

        TensorAssert.Identical(gradients[0], gradients[1]);
        TensorAssert.Identical(gradients[0], gradients[2]);
    }

    [Fact]
    public void FakeQuantize_Backward_ReusesNoMemoryOfItsInputs()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create("uniform", 4);
        var x = Seeded.Normal(6, 80).requires_grad_();
        var before = x.detach().clone();
        var gradient = Seeded.Normal(7, 80);
        var gradientBefore = gradient.clone();
        quantizer.FakeQuantize(x).backward([gradient]);
        TensorAssert.Identical(before, x.detach());
        TensorAssert.Identical(gradientBefore, gradient);
        Assert.NotEqual(0, x.grad!.count_nonzero().item<long>());
    }

    [Fact]
    public void Backward_WithoutAGradientFromAbove_PassesNone()
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create("uniform", 4);
        var x = Seeded.Normal(6, 80).requires_grad_();
        (Opaque.apply(quantizer.FakeQuantize(x)).sum() + x.sum()).backward();
        TensorAssert.Identical(torch.ones(80), x.grad!);
    }

    /// <summary>As libtorch's threads for CUDA gradients do, on which no scope is ever open.</summary>
    [Fact]
    public void Backward_WhereNoScopeIsOpen_LeavesNoTensors()
    {
        var left = new List<long>();
        var thread = new Thread(() =>
        {
            using var quantizer = Create("uniform", 4);
            using var x = torch.linspace(-1, 1, 100, torch.ScalarType.Float32);
            using var upstream = torch.ones(100);
            for (var i = 0; i < 5; i++)
            {
                using var leaf = x.clone();
                leaf.requires_grad = true;
                using var output = quantizer.FakeQuantize(leaf);
                foreach (var gradient in torch.autograd.grad([output], [leaf], [upstream]))
                {
                    gradient.Dispose();
                }

                left.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
            }
        });
        thread.Start();
        thread.Join();

        Assert.Equal(5, left.Count);
        Assert.All(left, count => Assert.Equal(left[0], count));
    }

    private static IQuantizer PerChannel(string scheme, int bits, int axis) =>
        scheme == "uniform" ? new UniformQuantizer(bits, Granularity.Channel(axis)) : new ScaledLevelsQuantizer(bits, Granularity.Channel(axis));

    private static float Rounded(float x)
    {
        float* p = stackalloc float[1];
        Lane<float>.Store(RoundByAddition.Round<Lane<float>, float>(new(x)), p);
        return *p;
    }

    private static double RoundedDouble(double x)
    {
        double* p = stackalloc double[1];
        Lane<double>.Store(RoundByAddition.Round<Lane<double>, double>(new(x)), p);
        return *p;
    }

    private static void AssertEqualPaths(IQuantizer quantizer, torch.Tensor x, bool keepStrides = false)
    {
        var upstream = torch.linspace(-2, 3, x.numel(), torch.ScalarType.Float32).to(x.dtype).view(x.shape);
        var fused = Run(quantizer, x, upstream, keepStrides);
        using var eager = KernelSwitch.Eager();
        var separate = Run(quantizer, x, upstream, keepStrides);
        AssertSameBits(separate.Output, fused.Output);
        AssertSameBits(separate.Gradient, fused.Gradient);
        if (x.dtype != torch.ScalarType.Float32)
        {
            return;
        }

        // Codes have no NaN.
        var numbers = x.isnan().logical_not();
        AssertSameBits(quantizer.Dequantize(quantizer.Quantize(x))[numbers], fused.Output[numbers]);
    }

    private static (torch.Tensor Output, torch.Tensor Gradient) Run(IQuantizer quantizer, torch.Tensor x, torch.Tensor upstream, bool keepStrides = false)
    {
        var leaf = (keepStrides ? x.detach() : x.detach().clone()).requires_grad_();
        var output = quantizer.FakeQuantize(leaf);
        Assert.True(output.requires_grad);
        output.backward([upstream]);
        TensorAssert.Identical(quantizer.FakeQuantize(x), output);
        return (output.detach(), leaf.grad!);
    }

    /// <summary>A function that knows no gradient.</summary>
    private sealed class Opaque : torch.autograd.SingleTensorFunction<Opaque>
    {
        public override string Name => nameof(Opaque);

        public override torch.Tensor forward(torch.autograd.AutogradContext ctx, params object[] vars) => ((torch.Tensor)vars[0]).clone();

        public override List<torch.Tensor> backward(torch.autograd.AutogradContext ctx, torch.Tensor grad_output) => [null!];
    }
}
