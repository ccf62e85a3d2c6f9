using IsVit.Core.Graph;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace IsVit.Tests.Graph;

/// <summary>Which modules become units where nobody names them.</summary>
public sealed class UnitDiscoveryTests
{
    [Fact]
    public void Trace_StagesOfBlocks_TakesTheBlocksAndWhatStandsBesideThem()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("embed", Linear(8, 8)), ("stages", Sequential(("a", Stage()), ("b", Stage()))), ("head", Linear(8, 3)));

        AssertUnits(model, "embed", "stages.a.blocks.0", "stages.a.blocks.1", "stages.a.down", "stages.b.blocks.0", "stages.b.blocks.1", "stages.b.down", "head");
    }

    [Fact]
    public void Trace_HeadsBesideEachOtherInABlock_TakesTheBlock()
    {
        using var scope = NewDisposeScope();
        nn.Module<Tensor, Tensor> Heads() => new Wired(
            static (g, x) => x + g.Part<ModuleList<nn.Module<Tensor, Tensor>>>("heads").Select(head => head.call(x)).Aggregate(static (sum, y) => sum + y),
            ("heads", new ModuleList<nn.Module<Tensor, Tensor>>(Block(), Block())));
        var model = new Wired(static (g, x) => g.Call("second", g.Call("first", x)), ("first", Heads()), ("second", Heads()));
        var listed = Sequential(("first", Heads()), ("second", Heads()));

        AssertUnits(listed, "first", "second");

        // Not in a list, so that nothing says that it is a block.
        AssertUnits(model, "first.heads.0", "first.heads.1", "second.heads.0", "second.heads.1");
    }

    [Fact]
    public void Trace_PerceptronInABlock_TakesTheBlock()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(Block(), Block());

        AssertUnits(model, "0", "1");
    }

    [Fact]
    public void Trace_BlockWithoutSites_IsNoUnit()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("norm", LayerNorm(8)), ("fc", Linear(8, 8)), ("plain", new Wired(static (g, x) => g.Call("act", x), ("act", GELU()))));

        AssertUnits(model, "fc");
    }

    [Fact]
    public void Trace_BlockRunsTwice_TakesTheLayersThatRunOnce()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(
            static (g, x) =>
            {
                var list = g.Part<ModuleList<nn.Module<Tensor, Tensor>>>("list");
                return list[1].call(list[0].call(list[0].call(x)));
            },
            ("list", new ModuleList<nn.Module<Tensor, Tensor>>(Block(), Block())));

        var graph = ModuleGraph.Trace(model, Seeded.Normal(1, 2, 8), new TraceOptions { Ignore = ["list.0"] });

        Assert.Equal(["list.1"], graph.Units.Select(static unit => unit.Path));
    }

    [Fact]
    public void Trace_UnitsAskedFor_AreTakenInTheOrderInWhichTheyRun()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("a", Linear(8, 8)), ("b", Sequential(("x", Linear(8, 8)), ("y", Linear(8, 8)))), ("c", Linear(8, 8)));

        var graph = ModuleGraph.Trace(model, Seeded.Normal(1, 2, 8), new TraceOptions { Units = ["c", "b", "a"] });

        Assert.Equal(["a", "b", "c"], graph.Units.Select(static unit => unit.Path));
        Assert.Equal("b", graph.UnitOf("b.y")?.Path);
        Assert.Equal("b", graph.UnitOf("b")?.Path);
        Assert.Null(graph.UnitOf("bb"));
    }

    private static void AssertUnits(nn.Module<Tensor, Tensor> model, params string[] expected) =>
        Assert.Equal(expected, ModuleGraph.Trace(model, Seeded.Normal(1, 2, 8)).Units.Select(static unit => unit.Path));

    private static Wired Block() => new(static (g, x) => x + g.Call("mlp", x), ("mlp", Sequential(("up", Linear(8, 12)), ("act", GELU()), ("down", Linear(12, 8)))));

    private static Wired Stage() => new(
        static (g, x) =>
        {
            foreach (var block in g.Part<ModuleList<nn.Module<Tensor, Tensor>>>("blocks"))
            {
                x = block.call(x);
            }

            return g.Call("down", x);
        },
        ("blocks", new ModuleList<nn.Module<Tensor, Tensor>>(Block(), Block())),
        ("down", Linear(8, 8)));
}
