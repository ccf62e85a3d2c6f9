using System.Runtime.CompilerServices;
using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace IsVit.Tests.Graph;

/// <summary>Streams halt where a straight run passes, with the same numbers, and leave nothing behind.</summary>
public sealed class UnitFlowTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Advance_EveryUnit_ShowsWhatAStraightRunShows(bool quantized)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MicroModels.Create();
        Tensor[] batches = [MicroModels.Images(3, 1), MicroModels.Images(3, 2), MicroModels.Images(1, 3)];
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, batches[0]), batches[0]);
        using var suspension = quantized ? null : attachment.Suspend();
        var (inputs, outputs) = Straight(model, attachment.Graph, batches);
        using var flow = Streams.Of(attachment, batches);
        foreach (var unit in attachment.Graph.Units)
        {
            AssertSame(inputs[unit.Path], flow.AdvanceToInput(unit, Token).Only());
            AssertSame(inputs[unit.Path], flow.AdvanceToInput(unit, Token).Only());
            AssertSame(outputs[unit.Path], flow.AdvanceToOutput(unit, Token).Only());
        }
    }

    [Fact]
    public void Advance_ResidualGlueBetweenUnits_ShowsWhatAStraightRunShows()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = Glued();
        Tensor[] batches = [Seeded.Normal(1, 4, 8), Seeded.Normal(2, 2, 8)];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0]), static _ => null);
        Assert.Equal(["a", "b", "c"], attachment.Graph.Units.Select(static unit => unit.Path));
        var (inputs, outputs) = Straight(model, attachment.Graph, batches);

        using var flow = Streams.Of(attachment, batches);
        foreach (var unit in attachment.Graph.Units)
        {
            AssertSame(inputs[unit.Path], flow.AdvanceToInput(unit, Token).Only());
            AssertSame(outputs[unit.Path], flow.AdvanceToOutput(unit, Token).Only());
        }
    }

    [Fact]
    public void Advance_OutputsOnlyOrSkippedUnits_ShowsWhatAStraightRunShows()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MicroModels.Create();
        Tensor[] batches = [MicroModels.Images(2, 1)];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0]), static _ => null);
        var (inputs, outputs) = Straight(model, attachment.Graph, batches);
        var units = attachment.Graph.Units;

        using var flow = Streams.Of(attachment, batches);
        AssertSame(outputs["patch_embed"], flow.AdvanceToOutput(units[0], Token).Only());
        AssertSame(inputs["blocks.1"], flow.AdvanceToInput(units[2], Token).Only());
        AssertSame(outputs["head"], flow.AdvanceToOutput(units[3], Token).Only());
    }

    [Theory]
    [InlineData("blocks.0")]
    [InlineData("head")]
    public void Advance_WeightsChangeWhileHaltedBefore_GoesOnWithTheNewOnes(string changed)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MicroModels.Create();
        Tensor[] batches = [MicroModels.Images(2, 1), MicroModels.Images(2, 2)];
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, batches[0]), batches[0]);
        var unit = attachment.Graph.Units.Single(candidate => candidate.Path == changed);
        var layer = changed == "head" ? model.Head : model.Blocks[0].Mlp.Fc2;

        using var flow = Streams.Of(attachment, batches);
        using var stale = Streams.Of(attachment, batches);
        flow.AdvanceToInput(unit, Token).Only();
        var before = stale.AdvanceToOutput(unit, Token).Only().Select(static tensor => tensor.clone()).ToList();
        layer.weight.mul_(0.5);
        layer.bias!.add_(0.1);
        var after = flow.AdvanceToOutput(unit, Token).Only();

        AssertSame(Straight(model, attachment.Graph, batches).Outputs[changed], after);
        Assert.NotEqual(0, (before[0] - after[0]).abs().max().item<float>());
    }

    [Fact]
    public void Advance_FloatAndQuantizedInTurns_DoNotDisturbEachOther()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MicroModels.Create();
        Tensor[] batches = [MicroModels.Images(2, 1), MicroModels.Images(2, 2)];
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, batches[0]), batches[0]);
        var quantized = Straight(model, attachment.Graph, batches);
        Dictionary<string, List<Tensor>> inputs, outputs;
        using (attachment.Suspend())
        {
            (inputs, outputs) = Straight(model, attachment.Graph, batches);
        }

        using var floats = Streams.Of(attachment, batches);
        using var codes = Streams.Of(attachment, batches);
        foreach (var unit in attachment.Graph.Units)
        {
            using (attachment.Suspend())
            {
                AssertSame(inputs[unit.Path], floats.AdvanceToInput(unit, Token).Only());
                AssertSame(outputs[unit.Path], floats.AdvanceToOutput(unit, Token).Only());
            }

            AssertSame(quantized.Inputs[unit.Path], codes.AdvanceToInput(unit, Token).Only());

            // What reconstruction does meanwhile: the unit by itself, with gradients.
            using (enable_grad())
            {
                var alone = ((nn.Module<Tensor, Tensor>)attachment.Graph.Modules[unit.Path]).call(quantized.Inputs[unit.Path][0]);
                TensorAssert.Identical(quantized.Outputs[unit.Path][0], alone.detach());
                alone.sum().backward();
            }

            AssertSame(quantized.Outputs[unit.Path], codes.AdvanceToOutput(unit, Token).Only());
        }
    }

    [Fact]
    public void Advance_GraphWithoutScopes_HoldsNoQuantizedOperandsAtAUnitsEnd()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = new NestedListsModel();
        MicroModels.Randomize(model);
        model.eval();
        Tensor[] batches = [MicroModels.Images(2)];
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, batches[0]), batches[0]);
        foreach (var binding in attachment.Bindings.Where(static binding => binding.IsWeight))
        {
            binding.State = SiteState.Off;
        }

        var unit = attachment.Graph.Units[2];
        var quantized = Held();
        using var suspension = attachment.Suspend();

        Assert.Equal(Held(), quantized);

        long Held()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var before = Tensor.TotalCount;
            using var flow = Streams.Of(attachment, batches);
            flow.AdvanceToOutput(unit, Token).Only();
            return Tensor.TotalCount - before;
        }
    }

    [Fact]
    public void Advance_BackwardsOrUnknownUnit_NamesIt()
    {
        using var scope = NewDisposeScope();
        using var model = MicroModels.Create();
        Tensor[] batches = [MicroModels.Images(1)];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0]), static _ => null);
        var units = attachment.Graph.Units;
        using var flow = Streams.Of(attachment, batches);
        flow.AdvanceToOutput(units[1], Token).Only();

        Assert.Contains("passed the input of unit 'blocks.0', and stands at unit 'blocks.0'", Assert.Throws<ArgumentException>(() => flow.AdvanceToInput(units[1], Token).Only()).Message, StringComparison.Ordinal);
        Assert.Contains("passed the output of unit 'patch_embed'", Assert.Throws<ArgumentException>(() => flow.AdvanceToOutput(units[0], Token).Only()).Message, StringComparison.Ordinal);
        Assert.Contains("'blocks.0' is no unit of this stream's graph", Assert.Throws<ArgumentException>(() => flow.AdvanceToOutput(units[1] with { }, Token).Only()).Message, StringComparison.Ordinal);
        flow.AdvanceToOutput(units[3], Token).Only();
        flow.Dispose();
        Assert.Throws<ObjectDisposedException>(() => flow.AdvanceToOutput(units[3], Token).Only());
    }

    [Fact]
    public void Advance_AttachmentDisposed_SaysSoAndTheStreamEnds()
    {
        using var scope = NewDisposeScope();
        using var model = MicroModels.Create();
        Tensor[] batches = [MicroModels.Images(1)];
        var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, batches[0]), batches[0]);
        using var flow = Streams.Of(attachment, batches);
        flow.AdvanceToInput(attachment.Graph.Units[1], Token).Only();
        attachment.Dispose();

        Assert.Throws<ObjectDisposedException>(() => flow.AdvanceToOutput(attachment.Graph.Units[1], Token).Only());
        flow.Dispose();
        AssertThreads(0);
        Hooks.AssertNone(model);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public void Dispose_AnyPlace_LeavesNoThreadNoTensorAndTheModelWhole(int steps)
    {
        using var model = MicroModels.Create();
        using var first = MicroModels.Images(2, 1);
        using var second = MicroModels.Images(1, 2);
        using var noGrad = no_grad();
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, first), first);

        // TorchSharp counts a tensor that becomes a parameter, as a quantized weight does, twice.
        foreach (var binding in attachment.Bindings.Where(static binding => binding.IsWeight))
        {
            binding.State = SiteState.Off;
        }

        using var expected = model.call(first);
        Run();

        // Streams work on threads of their own, so all threads' tensors count; what other tests left may go at any time.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var alive = Tensor.TotalCount;
        Run();

        Assert.InRange(Tensor.TotalCount, 0, alive);
        AssertThreads(0);
        using var again = model.call(first);
        TensorAssert.Identical(expected, again);

        void Run()
        {
            using var flow = Streams.Of(attachment, [first, second]);
            for (var i = 0; i < steps; i++)
            {
                var unit = attachment.Graph.Units[i / 2];
                Assert.Equal(2, (i % 2 == 0 ? flow.AdvanceToInput(unit, Token).Only() : flow.AdvanceToOutput(unit, Token).Only()).Count);
            }

            Assert.InRange(Threads(), steps == 0 ? 0 : 2, steps == 0 ? 0 : int.MaxValue);
        }
    }

    /// <summary>Threads of a host that forgot a stream must not pile up, each with its stack and its share of a forward.</summary>
    [Fact]
    public void UndisposedStream_OnceItIsCollected_LeavesNoThread()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Glued();
        Tensor[] batches = [Seeded.Normal(1, 4, 8), Seeded.Normal(2, 2, 8)];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0]), static _ => null);

        var threads = Forget(attachment, batches);

        Assert.Equal(2, threads.Count);
        Assert.All(threads, static thread => Assert.True(thread.IsAlive));
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.All(threads, static thread => Assert.True(thread.Join(TimeSpan.FromMinutes(1))));
    }

    // No local variable of the test's may hold the stream.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static List<Thread> Forget(GraphAttachment attachment, Tensor[] batches)
    {
        var flow = Streams.Of(attachment, batches);
        flow.AdvanceToInput(attachment.Graph.Units[1], Token).Only();
        return [.. flow.Threads];
    }

    [Fact]
    public void Advance_ModelThrows_SurfacesThereAndAgain()
    {
        using var scope = NewDisposeScope();
        var broken = false;
        var model = new Wired((g, x) => broken && x[0, 0].item<float>() > 5 ? throw new InvalidDataException("bad image") : g.Call("b", g.Call("a", x)), ("a", Linear(8, 8)), ("b", Linear(8, 8)));
        Tensor[] batches = [ones(2, 8), ones(2, 8) * 9];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0]), static _ => null);
        broken = true;
        using var flow = Streams.Of(attachment, batches);

        Assert.Equal("bad image", Assert.Throws<InvalidDataException>(() => flow.AdvanceToInput(attachment.Graph.Units[0], Token).Only()).Message);
        Assert.Equal("bad image", Assert.Throws<InvalidDataException>(() => flow.AdvanceToInput(attachment.Graph.Units[1], Token).Only()).Message);
        flow.Dispose();
        AssertThreads(0);
    }

    [Fact]
    public void Dispose_HaltedBatches_DoNotRunOn()
    {
        using var scope = NewDisposeScope();
        var (runs, cleanedUp) = (0, 0);
        var model = new Wired(
            (g, x) =>
            {
                try
                {
                    x = g.Call("a", x);
                    runs++;
                    return x;
                }
                finally
                {
                    cleanedUp++;
                }
            },
            ("a", Linear(8, 8)));
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, ones(2, 8)), static _ => null);
        (runs, cleanedUp) = (0, 0);
        using (var flow = Streams.Of(attachment, [ones(2, 8), ones(2, 8)]))
        {
            flow.AdvanceToInput(attachment.Graph.Units[0], Token).Only();
        }

        Assert.Equal((0, 2), (runs, cleanedUp));
    }

    [Fact]
    public void Dispose_ModelSwallowsExceptions_StillEnds()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(
            static (g, x) =>
            {
                try
                {
                    return g.Call("a", x);
                }
                catch (Exception)
                {
                    return g.Call("a", x);
                }
            },
            ("a", Linear(8, 8)));
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, ones(2, 8)), static _ => null);
        var flow = Streams.Of(attachment, [ones(2, 8)]);
        flow.AdvanceToInput(attachment.Graph.Units[0], Token).Only();

        flow.Dispose();

        AssertThreads(0);
    }

    [Fact]
    public void Advance_ForwardSkipsAUnit_NamesIt()
    {
        using var scope = NewDisposeScope();
        var skip = false;
        var model = new Wired((g, x) => skip ? g.Call("a", x) : g.Call("b", g.Call("a", x)), ("a", Linear(8, 8)), ("b", Linear(8, 8)));
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, ones(2, 8)), static _ => null);
        using var flow = Streams.Of(attachment, [ones(2, 8)]);
        skip = true;

        Assert.Contains("without reaching the output of unit 'b'", Assert.Throws<QuantizationException>(() => flow.AdvanceToOutput(attachment.Graph.Units[1], Token).Only()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Advance_Cancelled_StopsBetweenBatchesAndCanGoOn()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = Linear(8, 8);
        Tensor[] batches = [Seeded.Normal(1, 2, 8), Seeded.Normal(2, 2, 8)];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0]), static _ => null);
        var outputs = Straight(model, attachment.Graph, batches).Outputs[""];
        var unit = attachment.Graph.Units[0];
        using var cancelled = new CancellationTokenSource();
        model.register_forward_pre_hook(_ => cancelled.Cancel());
        using var flow = Streams.Of(attachment, batches);
        Assert.Throws<OperationCanceledException>(() => flow.AdvanceToInput(unit, cancelled.Token).Only());
        AssertThreads(1);
        Assert.Throws<OperationCanceledException>(() => flow.AdvanceToInput(unit, cancelled.Token).Only());
        AssertThreads(1);

        AssertSame([.. batches], flow.AdvanceToInput(unit, Token).Only());
        AssertSame(outputs, flow.AdvanceToOutput(unit, Token).Only());
    }

    [Fact]
    public void Advance_ModelRunsPartsOnOtherThreads_ShowsWhatAStraightRunShows()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (g, x) => g.Call("b", Task.Run(() => g.Call("a", x), TestContext.Current.CancellationToken).GetAwaiter().GetResult()), ("a", Linear(8, 8)), ("b", Linear(8, 8)));
        Tensor[] batches = [Seeded.Normal(1, 2, 8), Seeded.Normal(2, 2, 8)];
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, batches[0]), batches[0]);
        var (inputs, outputs) = Straight(model, attachment.Graph, batches);

        using var flow = Streams.Of(attachment, batches);
        foreach (var unit in attachment.Graph.Units)
        {
            AssertSame(inputs[unit.Path], flow.AdvanceToInput(unit, Token).Only());
            AssertSame(outputs[unit.Path], flow.AdvanceToOutput(unit, Token).Only());
        }
    }

    [Fact]
    public void Advance_RootIsTheUnit_ShowsInputAndOutput()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = Linear(8, 4);
        Tensor[] batches = [Seeded.Normal(1, 2, 8)];
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, batches[0]), batches[0]);
        var unit = Assert.Single(attachment.Graph.Units);

        using var flow = Streams.Of(attachment, batches);

        AssertSame([.. batches], flow.AdvanceToInput(unit, Token).Only());
        AssertSame([model.call(batches[0])], flow.AdvanceToOutput(unit, Token).Only());
    }

    [Fact]
    public void Advance_UnitsOnly_KeepNoGradientsInWhatFlows()
    {
        using var scope = NewDisposeScope();
        using var model = MicroModels.Create();
        Tensor[] batches = [MicroModels.Images(1)];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0]), static _ => null);
        using var flow = Streams.Of(attachment, batches);

        Assert.False(flow.AdvanceToOutput(attachment.Graph.Units[2], Token).Only()[0].requires_grad);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Wired Glued() => new(
        static (g, x) =>
        {
            var a = x + g.Call("a", x);
            var b = a + (2 * g.Call("b", a.relu()));
            return g.Call("c", cat([a, b], 1));
        },
        ("a", Linear(8, 8)),
        ("b", Linear(8, 8)),
        ("c", Linear(16, 3)));

    private static (Dictionary<string, List<Tensor>> Inputs, Dictionary<string, List<Tensor>> Outputs) Straight(nn.Module<Tensor, Tensor> model, ModuleGraph graph, Tensor[] batches)
    {
        var (inputs, outputs) = (new Dictionary<string, List<Tensor>>(), new Dictionary<string, List<Tensor>>());
        var removals = new List<Action>();
        foreach (var unit in graph.Units)
        {
            var (before, after) = (inputs[unit.Path] = [], outputs[unit.Path] = []);
            var module = (nn.Module<Tensor, Tensor>)graph.Modules[unit.Path];
            removals.Add(module.register_forward_hook((_, _, y) =>
            {
                after.Add(y.detach().clone().DetachFromDisposeScope());
                return y;
            }).remove);

            // Registered last, a pre-hook would see what the quantizers put in place; the module around a layer hands it the caller's.
            removals.Add(Outermost(module, x => before.Add(x.detach().clone().DetachFromDisposeScope())));
        }

        using (no_grad())
        {
            foreach (var batch in batches)
            {
                model.call(batch).Dispose();
            }
        }

        removals.ForEach(static remove => remove());
        return (inputs, outputs);
    }

    private static Action Outermost(nn.Module<Tensor, Tensor> module, Action<Tensor> see)
    {
        var field = typeof(nn.Module<Tensor, Tensor>).BaseType!.GetField("pre_hooks", System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)!;
        var hooks = (Dictionary<string, Func<nn.Module<Tensor, Tensor>, Tensor, Tensor>>)field.GetValue(module)!;
        var others = hooks.ToList();
        hooks.Clear();
        hooks.Add("outermost", (_, x) =>
        {
            see(x);
            return x;
        });
        others.ForEach(other => hooks.Add(other.Key, other.Value));
        return () => hooks.Remove("outermost");
    }

    private static void AssertSame(List<Tensor> expected, IReadOnlyList<Tensor> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        Assert.All(expected.Zip(actual), static pair => TensorAssert.Identical(pair.First, pair.Second));
    }

    // An ended thread stays listed for a moment.
    private static void AssertThreads(int expected)
    {
        SpinWait.SpinUntil(() => Threads() == expected, TimeSpan.FromSeconds(10));
        Assert.Equal(expected, Threads());
    }

    // This process's threads that carry the streams' name, cut off by the system; libtorch's workers for such a thread inherit it.
    private static int Threads() => Directory.GetDirectories("/proc/self/task").Count(static task =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm")).StartsWith("IsVit unit flow", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    });
}
