using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Kernels.Cuda;
using IsVit.Quantizers.Native;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers;

/// <summary>The kernels on a CUDA device give the bits of the separate tensor operations on the CPU.</summary>
public sealed class CudaKernelTests
{
    private static readonly torch.ScalarType[] s_types = [torch.ScalarType.Float32, torch.ScalarType.Float16, torch.ScalarType.BFloat16];

    [Theory]
    [InlineData("uniform")]
    [InlineData("symmetric")]
    [InlineData("sulq-free")]
    [InlineData("sulq-power-of-two")]
    [InlineData("log2")]
    [InlineData("log-sqrt2")]
    [InlineData("twin-sign")]
    [InlineData("twin-magnitude")]
    [InlineData("constant")]
    [InlineData("narrow")]
    public void FakeQuantize_AnyBitPattern_EqualsSeparateOperations(string kind)
    {
        RequireKernels();
        using var scope = torch.NewDisposeScope();
        foreach (var bits in (int[])[2, 3, 4, 5, 6, 8])
        {
            using var quantizer = KernelCases.Create(kind, bits);
            var x = torch.tensor(KernelCases.BitPatterns(quantizer));
            Assert.All(s_types, type => AssertEqual(quantizer, x.to(type)));
        }
    }

    [Theory]
    [InlineData(0, 37, 5)]
    [InlineData(0, 8, 64)]
    [InlineData(1, 1, 16)]
    [InlineData(1, 3, 61)]
    [InlineData(1, 40, 1)]
    [InlineData(1, 6, 32)]
    [InlineData(2, 7, 33)]
    [InlineData(2, 16, 8)]
    [InlineData(2, 768, 3)]
    [InlineData(2, 12, 40)]
    public void FakeQuantize_PerChannel_EqualsSeparateOperations(int axis, int channels, int inner)
    {
        RequireKernels();
        using var scope = torch.NewDisposeScope();
        long[] shape = axis switch
        {
            0 => [channels, inner, 3],
            1 => [5, channels, inner],
            _ => [5, inner, channels],
        };
        using var quantizer = new UniformQuantizer(4, Granularity.Channel(axis));
        quantizer.Calibrate(Seeded.Normal(3, shape));
        foreach (var type in s_types)
        {
            var x = (Seeded.Normal(4, shape) * 3).to(type);
            AssertEqual(quantizer, x);
            AssertEqual(quantizer, x.transpose(0, 2).contiguous().transpose(0, 2));
        }
    }

    [Fact]
    public void FakeQuantize_ViewsOfAnyOffsetAndLength_EqualSeparateOperations()
    {
        RequireKernels();
        using var scope = torch.NewDisposeScope();
        using var uniform = KernelCases.Create("uniform", 4);
        using var shortTable = KernelCases.Create("sulq-free", 4);
        using var longTable = KernelCases.Create("sulq-free", 8);
        foreach (var type in s_types)
        {
            var x = Seeded.Normal(6, 80).to(type);
            var onDevice = x.cuda();
            for (var offset = 0; offset < 9; offset++)
            {
                for (var length = 0; length < 60; length += 7)
                {
                    foreach (var quantizer in (IQuantizer[])[uniform, shortTable, longTable])
                    {
                        AssertEqual(quantizer, x.narrow(0, offset, length), onDevice.narrow(0, offset, length));
                    }
                }
            }
        }
    }

    [Fact]
    public void FakeQuantize_AnyStrides_EqualSeparateOperations()
    {
        RequireKernels();
        using var scope = torch.NewDisposeScope();
        var x = Seeded.Normal(6, 6, 10, 40) * 3;
        var onDevice = x.cuda();
        foreach (var view in (Func<torch.Tensor, torch.Tensor>[])[t => t.transpose(0, 2), t => t.permute(2, 0, 1), t => t.narrow(2, 3, 30), t => t.slice(2, 1, 40, 3), t => t.narrow(1, 0, 1).expand(6, 10, 40), t => t.select(2, 5)])
        {
            for (var axis = -1; axis < view(x).dim(); axis++)
            {
                using var quantizer = new UniformQuantizer(4, axis < 0 ? Granularity.Tensor : Granularity.Channel(axis));
                quantizer.Calibrate(view(x));
                AssertEqual(quantizer, view(x), view(onDevice));
            }
        }
    }

    [Theory]
    [InlineData("uniform", 4)]
    [InlineData("sulq-free", 4)]
    [InlineData("sulq-free", 8)]
    public void FakeQuantize_MoreThanOneGridHolds_EqualsSeparateOperations(string kind, int bits)
    {
        RequireKernels();
        using var scope = torch.NewDisposeScope();
        using var quantizer = KernelCases.Create(kind, bits);
        AssertEqual(quantizer, Seeded.Normal(8, 20_000_003));
    }

    private static void RequireKernels()
    {
        Assert.SkipUnless(torch.cuda.is_available(), "libtorch sees no CUDA device.");
        Assert.SkipUnless(Nvrtc.Instance is not null, "NVRTC is not found.");
        Assert.True(CudaDevices.Find(0) is not null, CudaFallback.Reason);
    }

    private static void AssertEqual(IQuantizer quantizer, torch.Tensor x, torch.Tensor? onDevice = null)
    {
        using var scope = torch.NewDisposeScope();
        var upstream = torch.linspace(-2, 3, x.numel(), torch.ScalarType.Float32).to(x.dtype).view(x.shape);
        onDevice ??= x.cuda();
        Assert.True(CudaKernels.Supports(onDevice));
        var fused = Run(quantizer, onDevice, upstream.cuda());
        using var eager = KernelSwitch.Eager();
        Assert.False(CudaKernels.Supports(onDevice));
        var separate = Run(quantizer, x, upstream);
        KernelCases.AssertSameBits(separate.Output, fused.Output.cpu());
        KernelCases.AssertSameBits(separate.Gradient, fused.Gradient.cpu());
    }

    private static (torch.Tensor Output, torch.Tensor Gradient) Run(IQuantizer quantizer, torch.Tensor x, torch.Tensor upstream)
    {
        var leaf = x.detach().requires_grad_();
        var output = quantizer.FakeQuantize(leaf);
        output.backward([upstream]);
        return (output.detach(), leaf.grad!);
    }
}
