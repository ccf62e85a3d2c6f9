using System.Runtime.InteropServices;
using IsVit.Core.Graph;
using IsVit.Core.Memory;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Memory;

/// <summary>What libtorch's matrix library keeps of a thread.</summary>
public sealed unsafe class MatrixBuffersTests
{
    private const long OneMebibyte = 1 << 20;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void FreeOfThisTeam_AfterAProduct_FreesItsBuffersAndLeavesItsResult()
    {
        using var scope = NewDisposeScope();
        var (left, right) = (Seeded.Normal(1, 512, 512), Seeded.Normal(2, 512, 512));
        var before = Kept();
        var expected = left.mm(right);
        Assert.True(Kept() > 0, "the product took no buffer");
        MatrixBuffers.FreeOfThisTeam();
        Assert.True(Kept() <= before, $"{Kept()} bytes of buffers are kept, {before} before");
        TensorAssert.Identical(expected, left.mm(right));
    }

    [Fact]
    public void Stream_LargeActivations_StandsWithoutBuffers()
    {
        const int BatchCount = 6;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        random.manual_seed(3);
        var first = nn.Linear(512, 512);
        using var model = nn.Sequential(("a", first), ("b", nn.Linear(512, 512)));
        Tensor[] batches = [.. Enumerable.Range(0, BatchCount).Select(static i => Seeded.Normal(i, 128, 512))];
        Tensor[] expected = [.. batches.Select(batch => first.call(batch))];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0]), static _ => null);
        MatrixBuffers.FreeOfThisTeam();
        var before = Kept();
        using var flow = Streams.Of(attachment, batches);
        var outputs = flow.AdvanceToOutput(attachment.Graph.Units[0], Token).Only();
        Assert.True(Kept() - before < OneMebibyte, $"{Kept() - before} bytes of buffers are kept by {BatchCount} forwards that stand still");
        Assert.All(expected.Zip(outputs), static pair => TensorAssert.Identical(pair.First, pair.Second));
    }

    // What the library says that it holds for all threads, in bytes.
    private static long Kept()
    {
        Assert.SkipUnless(MatrixBuffers.IsAvailable, "libtorch brings no MKL here, or hides it.");
        var torch = LoadedLibraries.Files().First(static file => Path.GetFileName(file) == "libtorch_cpu.so");
        var statistics = (delegate* unmanaged<int*, long>)NativeLibrary.GetExport(NativeLibrary.Load(torch), "mkl_serv_mem_stat");
        int count;
        return statistics(&count);
    }
}
