using System.Text;
using IsVit.Quantizers.Kernels.Cuda;
using TorchSharp;

namespace IsVit.Tests.Quantizers;

/// <summary>What the run-time compiler makes of the kernels' source; needs the compiler, but no GPU.</summary>
public sealed class CudaCompilationTests
{
    [Theory]
    [InlineData(80)]
    [InlineData(90)]
    public void CompileToPtx_EveryKernel_LoadsAndStoresSixteenBytes(int capability)
    {
        var compiler = Compiler();
        foreach (var kernel in CudaKernel.All)
        {
            var ptx = Encoding.ASCII.GetString(compiler.CompileToPtx(kernel, capability));

            Assert.Contains($".target sm_{capability}", ptx, StringComparison.Ordinal);
            Assert.Contains($".entry {CudaKernel.Name}(", ptx, StringComparison.Ordinal);
            Assert.Contains("ld.global.nc.v4.u32", ptx, StringComparison.Ordinal);
            Assert.Contains("st.global.v4.u32", ptx, StringComparison.Ordinal);

            // One rounding an operation, and no call. A uniform kernel guesses with a reciprocal, proves the guess with multiply-adds that it asks for, and divides where it cannot.
            var guesses = kernel.Operation.StartsWith("Uniform", StringComparison.Ordinal);
            Assert.Equal(guesses, ptx.Contains("fma.rn", StringComparison.Ordinal));
            Assert.Equal(guesses, ptx.Contains(".approx", StringComparison.Ordinal));
            Assert.Equal(guesses, ptx.Contains(".ftz", StringComparison.Ordinal));
            Assert.Equal(guesses || kernel.Operation.StartsWith("TableBackwardRatio", StringComparison.Ordinal), ptx.Contains("div.rn", StringComparison.Ordinal));
            Assert.DoesNotContain("call", ptx, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void CompileFor_KnownDevice_IsMachineCode()
    {
        byte[] elf = [0x7F, (byte)'E', (byte)'L', (byte)'F'];

        Assert.Equal(elf, Compiler().CompileFor(CudaKernel.TableBackwardOne(torch.ScalarType.Float32), 80)[..4]);
    }

    [Fact]
    public void CompileFor_NewerDevice_IsPtxOfTheNewestTarget()
    {
        var compiler = Compiler();

        var ptx = Encoding.ASCII.GetString(compiler.CompileFor(CudaKernel.TableBackwardOne(torch.ScalarType.Float32), 999));

        Assert.Contains($".target sm_{compiler.Targets()[^1]}", ptx, StringComparison.Ordinal);
    }

    [Fact]
    public void CompileFor_OlderDevice_Throws() =>
        Assert.Contains("1.0", Assert.Throws<CudaException>(() => Compiler().CompileFor(CudaKernel.TableBackwardOne(torch.ScalarType.Float32), 10)).Message, StringComparison.Ordinal);

    [Fact]
    public void Compile_UnknownOperation_ThrowsWithTheCompilersMessage()
    {
        var error = Assert.Throws<CudaException>(() => Compiler().CompileToPtx(new("NoSuchOperation", torch.ScalarType.Float32), 80));

        Assert.Contains("NoSuchOperation", error.Message, StringComparison.Ordinal);
        Assert.Contains(CudaSource.FileName, error.Message, StringComparison.Ordinal);
    }

    private static Nvrtc Compiler()
    {
        Assert.SkipUnless(Nvrtc.Instance is not null, "NVRTC is not found.");
        return Nvrtc.Instance;
    }
}
