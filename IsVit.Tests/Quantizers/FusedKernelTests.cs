using System.Numerics;
using System.Runtime.InteropServices;
using IsVit.Core.Quantization;
using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Log2;
using IsVit.Quantizers.LogSqrt2;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.TwinUniform;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers;

/// <summary>The fused kernels give the bits of the separate tensor operations.</summary>
public sealed class FusedKernelTests
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

    [Theory]
    [MemberData(nameof(PerTensorCases))]
    public void FakeQuantize_AnyBitPattern_EqualsSeparateOperations(string kind, int bits)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Create(kind, bits);
        AssertEqualPaths(quantizer, torch.tensor(BitPatterns(quantizer)));
    }

    [Theory]
    [InlineData(0, 37, 5)]
    [InlineData(0, 1, 300)]
    [InlineData(1, 1, 16)]
    [InlineData(1, 3, 61)]
    [InlineData(1, 40, 1)]
    [InlineData(-1, 7, 33)]
    [InlineData(2, 16, 8)]
    public void FakeQuantize_PerChannel_EqualsSeparateOperations(int axis, int channels, int inner)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = new UniformQuantizer(4, Granularity.Channel(axis));
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

    [Fact]
    public void RoundByAddition_AnyBitPattern_EqualsScalarRounding()
    {
        var random = new Random(3);
        for (var i = 0; i < 100_000; i++)
        {
            var x = i < 4000 ? (i - 2000) * 0.25f : BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32));
            Assert.Equal(MathF.Round(x), VectorMath.RoundByAddition(new Vector<float>(x))[0]);
            Assert.Equal(MathF.Round(x), VectorMath.Round(new Vector<float>(x))[0]);
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

    private static IQuantizer Create(string kind, int bits)
    {
        IQuantizer quantizer = kind switch
        {
            "uniform" or "constant" or "narrow" => new UniformQuantizer(bits, Granularity.Tensor),
            "symmetric" => new UniformQuantizer(bits, Granularity.Tensor, new() { Symmetric = true }),
            "sulq-free" => new ShiftUniformLog2Quantizer(bits, Granularity.Tensor),
            "sulq-power-of-two" => new ShiftUniformLog2Quantizer(bits, Granularity.Tensor, new() { Levels = SulqLevels.PowerOfTwo }),
            "log2" => new Log2Quantizer(bits, Granularity.Tensor),
            "log-sqrt2" => new LogSqrt2Quantizer(bits, Granularity.Tensor),
            _ => new TwinUniformQuantizer(bits, Granularity.Tensor),
        };
        using var scope = torch.NewDisposeScope();
        quantizer.Calibrate(kind switch
        {
            "uniform" or "symmetric" or "twin-sign" => Seeded.Normal(1, 500) + 0.3,
            "constant" => torch.full([20], -0.7f),
            "narrow" => (Seeded.Normal(1, 500) * 1e-6) + 1,
            _ => (Seeded.Normal(2, 8, 60) * 3).softmax(-1),
        });
        return quantizer;
    }

    /// <summary>Random bit patterns, plain numbers, every special value, and the neighbourhood of every place where the output changes.</summary>
    private static float[] BitPatterns(IQuantizer quantizer)
    {
        var random = new Random(11);
        var values = new List<float>
        {
            0f, -0f, float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
            BitConverter.Int32BitsToSingle(0x7FC12345), BitConverter.Int32BitsToSingle(unchecked((int)0xFFC54321)), 8388608f, 4194304.5f, -8388607.5f,
        };
        for (var i = 0; i < 20_000; i++)
        {
            values.Add(BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32)));
            values.Add((float)((random.NextDouble() * 2) - 1) * (i % 3 == 0 ? 4 : 1));
        }

        using var scope = torch.NewDisposeScope();
        var levels = quantizer.Dequantize(torch.arange(quantizer.Bits.CodeCount).to(torch.ScalarType.Byte)).data<float>().ToArray().Order().ToArray();
        foreach (var (low, high) in levels.Zip(levels.Skip(1)))
        {
            foreach (var centre in (float[])[low, high, low + ((high - low) / 2), MathF.Sqrt(MathF.Abs(low * high)), high + ((high - low) / 2), low - ((high - low) / 2)])
            {
                var near = centre;
                for (var step = 0; step < 6; step++)
                {
                    near = step == 3 ? centre : step < 3 ? MathF.BitIncrement(near) : MathF.BitDecrement(near);
                    values.Add(near);
                }
            }
        }

        return [.. values];
    }

    private static void AssertEqualPaths(IQuantizer quantizer, torch.Tensor x)
    {
        var upstream = torch.linspace(-2, 3, x.numel(), torch.ScalarType.Float32).view(x.shape);
        var fused = Run(quantizer, x, upstream);
        using var eager = KernelSwitch.Eager();
        var separate = Run(quantizer, x, upstream);
        AssertSameBits(separate.Output, fused.Output);
        AssertSameBits(separate.Gradient, fused.Gradient);

        // Codes have no NaN.
        var numbers = x.isnan().logical_not();
        AssertSameBits(quantizer.Dequantize(quantizer.Quantize(x))[numbers], fused.Output[numbers]);
    }

    private static (torch.Tensor Output, torch.Tensor Gradient) Run(IQuantizer quantizer, torch.Tensor x, torch.Tensor upstream)
    {
        var leaf = x.detach().clone().requires_grad_();
        var output = quantizer.FakeQuantize(leaf);
        Assert.True(output.requires_grad);
        output.backward([upstream]);
        TensorAssert.Identical(quantizer.FakeQuantize(x), output);
        return (output.detach(), leaf.grad!);
    }

    private static void AssertSameBits(torch.Tensor expected, torch.Tensor actual)
    {
        var e = MemoryMarshal.Cast<byte, int>(expected.contiguous().bytes);
        var a = MemoryMarshal.Cast<byte, int>(actual.contiguous().bytes);
        Assert.Equal(e.Length, a.Length);
        for (var i = 0; i < e.Length; i++)
        {
            var (left, right) = (BitConverter.Int32BitsToSingle(e[i]), BitConverter.Int32BitsToSingle(a[i]));
            if (e[i] != a[i] && !(float.IsNaN(left) && float.IsNaN(right)))
            {
                Assert.Fail($"entry {i}: {left:R} (0x{e[i]:X8}) by separate operations, {right:R} (0x{a[i]:X8}) fused");
            }
        }
    }

    /// <summary>A function that knows no gradient.</summary>
    private sealed class Opaque : torch.autograd.SingleTensorFunction<Opaque>
    {
        public override string Name => nameof(Opaque);

        public override torch.Tensor forward(torch.autograd.AutogradContext ctx, params object[] vars) => ((torch.Tensor)vars[0]).clone();

        public override List<torch.Tensor> backward(torch.autograd.AutogradContext ctx, torch.Tensor grad_output) => [null!];
    }
}
