using System.Diagnostics.Tracing;
using System.Runtime.CompilerServices;
using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Kernels.Cuda;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers;

/// <summary>What the CUDA path does on every machine.</summary>
public sealed class CudaSetupTests
{
    [Fact]
    public void Read_TheSource_IsInTheAssembly() => Assert.Contains($"void __launch_bounds__(256) {CudaKernel.Name}(", CudaSource.Read(), StringComparison.Ordinal);

    [Fact]
    public void All_Kernels_AreOfEveryTypeAndDistinct()
    {
        CudaKernel[] kernels = [.. CudaKernel.All];

        Assert.Equal(kernels.Length, kernels.Distinct().Count());
        Assert.Equal(["BFloat16", "Float16", "Float32"], kernels.Select(kernel => kernel.TypeName).Distinct().Order());
        Assert.All(kernels, kernel => Assert.Contains($"struct {kernel.TypeName}\n", CudaSource.Read().ReplaceLineEndings("\n"), StringComparison.Ordinal));
    }

    [Fact]
    public void Structures_Sizes_AreThoseOfTheSource() =>
        Assert.Equal((48, 48, 32), (Unsafe.SizeOf<Elements>(), Unsafe.SizeOf<UniformParameters>(), Unsafe.SizeOf<TableParameters>()));

    [Fact]
    public void Divisor_AnyNumberBelowTwoToThe31_IsDivided()
    {
        var random = new Random(5);
        long[] edges = [1, 2, 3, 5, 7, 192, 197, 768, 37_824, (1 << 16) - 1, 1 << 16, (1 << 30) - 1, 1 << 30, (1 << 30) + 1, int.MaxValue - 1, int.MaxValue];
        foreach (var divisor in edges.Concat(Enumerable.Range(0, 2000).Select(_ => random.NextInt64(1, 1L << random.Next(1, 32)))))
        {
            var by = new Divisor(divisor);
            var multiples = Enumerable.Range(0, 20).Select(_ => random.NextInt64(0, (int.MaxValue / divisor) + 1) * divisor);
            foreach (var n in multiples.SelectMany(multiple => (long[])[multiple - 1, multiple, multiple + 1]).Append(0).Append(int.MaxValue).Where(n => n is >= 0 and <= int.MaxValue))
            {
                Assert.Equal(n / divisor, (long)(((ulong)(2 * n) * by.Multiplier) >> 32 >> by.Shift));
            }
        }
    }

    [Theory]
    [InlineData(0, 0, 0, 35, 4, 0, 8, 3)]
    [InlineData(4, 0, 0, 35, 4, 0, 8, 2)]
    [InlineData(4, 8, 0, 35, 4, 0, 8, 0)]
    [InlineData(4, 4, 4, 35, 4, 3, 8, 3)]
    [InlineData(0, 4, 4, 35, 4, 3, 8, 2)]
    [InlineData(2, 2, 2, 35, 2, 7, 3, 3)]
    [InlineData(2, 0, 2, 5, 2, 5, 0, 1)]
    [InlineData(0, 0, 0, 7, 2, 0, 0, 3)]
    [InlineData(0, 0, 0, 5_000_000_001, 4, 0, 1_250_000_000, 3)]
    public void Elements_Addresses_GiveHeadPacksAndAlignment(int x, int gradient, int output, long count, int size, int head, long packs, int aligned)
    {
        var elements = new Elements(1024 + x, 2048 + gradient, 4096 + output, count, size);

        Assert.Equal((head, packs), (elements.Head, elements.Packs));
        if (packs > 0)
        {
            Assert.Equal(aligned, elements.Aligned);
        }
    }

    [Theory]
    [InlineData(1, 5, 0, true, "UniformForward<PerTensor>")]
    [InlineData(3, 8, 0, false, "UniformForward<PerPack>")]
    [InlineData(3, 8, 1, true, "UniformForward<Any>")]
    [InlineData(3, 5, 0, true, "UniformForward<Any>")]
    [InlineData(12, 1, 0, true, "UniformForward<Last>")]
    [InlineData(12, 1, 0, false, "UniformForward<Any>")]
    [InlineData(12, 1, 2, true, "UniformForward<Any>")]
    [InlineData(13, 1, 0, true, "UniformForward<Any>")]
    public void Uniform_Layout_ChoosesTheKernel(int channels, int inner, int head, bool aligned, string operation) =>
        Assert.Equal(operation, CudaKernel.Uniform(torch.ScalarType.Float32, backward: false, new ChannelLayout(channels, inner), head, aligned).Operation);

    [Theory]
    [InlineData(torch.ScalarType.Float32, 4)]
    [InlineData(torch.ScalarType.BFloat16, 2)]
    [InlineData(torch.ScalarType.Float16, 2)]
    public unsafe void Of_ViewWithAnOffset_IsItsFirstElement(torch.ScalarType type, int size)
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.arange(20, torch.ScalarType.Float32).to(type);

        Assert.Equal(TensorAddress.Of(x) + (7 * size), TensorAddress.Of(x.narrow(0, 7, 5)));
        Assert.Equal(TensorAddress.Of(x) + (12 * size), TensorAddress.Of(x.view(4, 5).transpose(0, 1).narrow(0, 2, 2).narrow(1, 2, 1)));
        if (type == torch.ScalarType.Float32)
        {
            Assert.Equal(7, *(float*)TensorAddress.Of(x.narrow(0, 7, 5)));
        }
    }

    [Fact]
    public void Of_NoElements_DoesNotThrow()
    {
        using var empty = torch.empty(0);

        _ = TensorAddress.Of(empty);
    }

    [Fact]
    public void Serves_TensorOnTheCpu_IsFalse()
    {
        using var x = Seeded.Normal(1, 8);

        Assert.False(CudaKernels.Supports(x));
        Assert.Null(CudaKernels.Obstacle(x));
    }

    [Fact]
    public void TryLoad_UnknownLibrary_IsFalse()
    {
        Assert.False(NativeSearch.TryLoad(["libisvit-no-such-library.so.1"], "libisvit-no-such-*.so", out var handle));
        Assert.Equal(0, handle);
    }

    [Fact]
    public void Find_DeviceThatIsNotThere_IsReportedOnceAndNull()
    {
        using var listener = new Listener();
        var before = CudaFallback.Reason;

        Assert.Null(CudaDevices.Find(1001));
        Assert.Null(CudaDevices.Find(1001));
        Assert.Null(CudaDevices.Find(1002));

        Assert.NotNull(CudaFallback.Reason);
        Assert.Equal(before is null ? [CudaFallback.Reason] : [], listener.Reasons);
        var told = CudaFallback.Tell();
        Assert.Equal(before is null ? CudaFallback.Reason : told, told);
        Assert.Null(CudaFallback.Tell());
    }

    private sealed class Listener : EventListener
    {
        public List<string> Reasons { get; } = [];

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "IsVit-Quantizers")
            {
                EnableEvents(eventSource, EventLevel.Warning);
            }
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData) => Reasons.Add((string)eventData.Payload![0]!);
    }
}
