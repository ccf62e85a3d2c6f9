using IsVit.Core.Graph;
using IsVit.Optimization.Reconstruction;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Reconstruction;

/// <summary>A stream whose activations are put away while it stands still goes on with what was put away.</summary>
public sealed class ActivationStoreTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void BFloat16Store_Stream_RoundsWhatPassesEachBoundary()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Chain();
        Tensor[] batches = [Seeded.Normal(1, 4, 8), Seeded.Normal(2, 3, 8)];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0]), static _ => null);
        using var flow = Streams.Of(attachment, batches, new BFloat16Store());
        var expected = batches.Select(static batch => batch.clone()).ToArray();
        foreach (var unit in attachment.Graph.Units)
        {
            var (inputs, outputs) = Streams.Through(flow, unit);
            for (var i = 0; i < batches.Length; i++)
            {
                TensorAssert.Identical(expected[i], inputs[i].to(ScalarType.Float32));
                var output = ((nn.Module<Tensor, Tensor>)attachment.Graph.Modules[unit.Path]).forward(expected[i]).to(ScalarType.BFloat16);
                TensorAssert.Identical(output, outputs[i]);
                expected[i] = output.to(ScalarType.Float32);
            }
        }

        TensorAssert.Identical(Seeded.Normal(1, 4, 8), batches[0]);
    }

    /// <summary>What a model passes on may be the caller's images by another handle, and what a unit gives its own input.</summary>
    [Theory]
    [InlineData("contiguous")]
    [InlineData("to")]
    [InlineData("cpu")]
    public void BFloat16Store_SameMemoryByAnotherHandle_IsLeftToWhomItBelongs(string passing)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor Pass(Tensor x) => passing switch
        {
            "contiguous" => x.contiguous(),
            "to" => x.to(ScalarType.Float32),
            _ => x.cpu(),
        };
        using var first = nn.Linear(8, 8);
        using var model = nn.Sequential(("begin", new Passing(Pass)), ("first", new Passing(Pass)), ("second", first));
        Tensor[] batches = [Seeded.Normal(1, 4, 8), Seeded.Normal(2, 3, 8)];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0], new() { Units = ["first", "second"] }), static _ => null);
        using var one = Streams.Of(attachment, batches, new BFloat16Store());
        using var other = Streams.Of(attachment, batches, new BFloat16Store());

        foreach (var flow in (UnitFlow[])[one, other])
        {
            foreach (var unit in attachment.Graph.Units)
            {
                var (inputs, outputs) = Streams.Through(flow, unit);
                for (var i = 0; i < batches.Length; i++)
                {
                    var wanted = unit.Path == "first" ? batches[i] : first.forward(batches[i]);
                    TensorAssert.Identical(batches[i], inputs[i].to(ScalarType.Float32));
                    Assert.True((wanted - outputs[i].to(ScalarType.Float32)).abs().max().item<float>() < 0.02f, unit.Path);
                }

                TensorAssert.Identical(Seeded.Normal(1, 4, 8), batches[0]);
                TensorAssert.Identical(Seeded.Normal(2, 3, 8), batches[1]);
            }
        }
    }

    [Fact]
    public void BFloat16Store_HaltedTwiceAtAUnit_LeavesNoTensor() => LiveTensors.AssertNoneLeftBy(static () => Walk(new BFloat16Store(), 2));

    [Fact]
    public void MappedStore_HaltedTwiceAtAUnit_LeavesNoTensorAndNoFile()
    {
        using var folder = new TemporaryFolder();
        LiveTensors.AssertNoneLeftBy(() => Walk(new MappedStore(folder.Path), 2));
        LiveTensors.AssertNoneLeftBy(() => Walk(new MappedStore(folder.Path), 1));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void MappedStore_Stream_ShowsWhatPassesWithoutIt()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var folder = new TemporaryFolder();
        using var model = Chain();
        Tensor[] batches = [Seeded.Normal(1, 4, 8), Seeded.Normal(2, 3, 8)];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0]), static _ => null);
        using var plain = Streams.Of(attachment, batches);
        using var mapped = Streams.Of(attachment, batches, new MappedStore(folder.Path));
        foreach (var unit in attachment.Graph.Units)
        {
            var expected = Streams.Through(plain, unit);
            var actual = Streams.Through(mapped, unit);
            Assert.All(expected.Inputs.Zip(actual.Inputs).Concat(expected.Outputs.Zip(actual.Outputs)), static pair => TensorAssert.Identical(pair.First, pair.Second));
        }
    }

    [Fact]
    public void Store_TransposedActivation_KeepsItsNumbers()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        foreach (var store in (IActivationStore[])[new BFloat16Store(), new MappedStore(folder.Path)])
        {
            var value = arange(24, ScalarType.Float32).view(2, 3, 4).transpose(1, 2);
            var expected = value.clone();
            var offloaded = store.Offload(value);
            TensorAssert.Identical(expected, offloaded.to(ScalarType.Float32));
            store.Restore(value, offloaded);
            TensorAssert.Identical(expected, value);
        }
    }

    private static Sequential Chain()
    {
        random.manual_seed(3);
        return nn.Sequential(("a", nn.Linear(8, 8)), ("b", nn.Linear(8, 6)), ("c", nn.Linear(6, 5)));
    }

    private static void Walk(IActivationStore store, int units)
    {
        using var scope = NewDisposeScope();
        using var model = Chain();
        Tensor[] batches = [Seeded.Normal(1, 4, 8), Seeded.Normal(2, 3, 8)];
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, batches[0]), static _ => null);
        using var flow = Streams.Of(attachment, batches, store);
        foreach (var unit in attachment.Graph.Units.Take(units))
        {
            flow.AdvanceToInput(unit, Token).Only();
            flow.AdvanceToOutput(unit, Token).Only();
        }
    }

    private sealed class Passing(Func<Tensor, Tensor> pass) : nn.Module<Tensor, Tensor>(nameof(Passing))
    {
        public override Tensor forward(Tensor input) => pass(input);
    }
}
