using System.Runtime.InteropServices;
using IsVit.Core.Graph;
using IsVit.Core.Memory;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Graph;
using IsVit.Tests.Optimization;
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

    /// <summary>Of itself the matrix library computes on all processors until libtorch is asked for the number of threads.</summary>
    [Fact]
    public void FreeOfThisTeam_OnANewThread_FreesThoseOfAllItsThreads()
    {
        using var scope = NewDisposeScope();
        var square = Seeded.Normal(1, 512, 512);
        MatrixBuffers.FreeOfThisTeam();
        var before = Kept();
        OnANewThread(() =>
        {
            using var result = square.mm(square);
            MatrixBuffers.FreeOfThisTeam();
            Assert.True(Kept() <= before, $"{Kept()} bytes of buffers are kept, {before} before");
        });
    }

    [Fact]
    public void Adopt_OnANewThread_IsTheNumberThatTheHostHasSet()
    {
        var set = get_num_threads();
        OnANewThread(() =>
        {
            OpenMpTeam.Adopt();
            Assert.Equal(set, Threads());
        });
    }

    [Fact]
    public void Stream_AnyModel_ComputesOnTheNumberOfThreadsThatTheHostHasSet()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var counts = new List<int>();
        using var first = new Counting(() => counts.Add(Threads()));
        using var model = nn.Sequential(("a", first), ("b", nn.Linear(4, 4)));
        var images = Seeded.Normal(1, 2, 4);
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, images), static _ => null);
        counts.Clear();
        using var flow = Streams.Of(attachment, [images, images]);
        flow.AdvanceToOutput(attachment.Graph.Units[^1], Token).Only();
        Assert.Equal([get_num_threads(), get_num_threads()], counts);
    }

    [Fact]
    public void Quantize_OnANewThread_ComputesOnTheNumberOfThreadsThatTheHostHasSet()
    {
        using var scope = NewDisposeScope();
        var (set, counts) = (get_num_threads(), new List<int>());
        using var first = new Counting(() => counts.Add(Threads()));
        using var model = nn.Sequential(("a", first), ("b", nn.Linear(4, 4)));
        var images = Seeded.Normal(1, 8, 4);
        OnANewThread(() => Micro.Quantizer(static options => options.Recipe = RecipeNames.MinMax).Run(model, images).Dispose());
        Assert.Equal(set, Assert.Single(counts.Distinct()));
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

    private static void OnANewThread(Action action)
    {
        Exception? error = null;
        var thread = new Thread(() => error = Record.Exception(action));
        thread.Start();
        thread.Join();
        Assert.Null(error);
    }

    // What the library says that it holds for all threads, in bytes.
    private static long Kept()
    {
        int count;
        return ((delegate* unmanaged<int*, long>)Function("mkl_serv_mem_stat"))(&count);
    }

    // How many threads the library would compute on, for the thread that asks.
    private static int Threads() => ((delegate* unmanaged<int>)Function("mkl_serv_get_max_threads"))();

    private static nint Function(string name)
    {
        Assert.SkipUnless(MatrixBuffers.IsAvailable, "libtorch brings no MKL here, or hides it.");
        var torch = LoadedLibraries.Files().First(static file => Path.GetFileName(file) == "libtorch_cpu.so");
        return NativeLibrary.GetExport(NativeLibrary.Load(torch), name);
    }

    private sealed class Counting(Action look) : nn.Module<Tensor, Tensor>("counting")
    {
        public override Tensor forward(Tensor input)
        {
            look();
            return input.clone();
        }
    }
}
