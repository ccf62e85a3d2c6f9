using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace IsVit.Tests.Graph;

/// <summary>What cannot be traced is told by name, with what can be done.</summary>
public sealed class TraceErrorTests
{
    [Fact]
    public void Trace_ForwardInsteadOfCall_NamesLayerAndParent()
    {
        using var scope = NewDisposeScope();
        var inner = new Wired(static (g, x) => g.Part<TorchSharp.Modules.Linear>("fc").forward(x), ("fc", Linear(8, 8)));
        var model = new Wired(static (g, x) => g.Call("head", g.Call("inner", x)), ("inner", inner), ("head", Linear(8, 8)));

        AssertTold(model, null, "1 layer(s)", "'inner.fc'", "'inner', which holds it, ran", "forward instead of call", "Ignore");
        Hooks.AssertNone(model);
    }

    [Fact]
    public void Trace_UnusedLayersInAList_NamesEachAndTheModelThatHoldsThem()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (g, x) => g.Call("head", x), ("spare", ModuleList(Linear(8, 8), Linear(8, 8))), ("head", Linear(8, 8)));

        AssertTold(model, null, "2 layer(s)", "'spare.0' (the model, which holds it, ran", "'spare.1'");
        Assert.Equal(2, ModuleGraph.Trace(model, Sample(), new TraceOptions { Ignore = ["spare.*"] }).Sites.Count);
        Assert.Equal(2, ModuleGraph.Trace(model, Sample(), new TraceOptions { Ignore = ["spare"] }).Sites.Count);
    }

    [Fact]
    public void Trace_SilentParent_SaysSo()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (g, x) => g.Call("head", x), ("spare", new Wired(static (_, x) => x, ("fc", Linear(8, 8)))), ("head", Linear(8, 8)));

        AssertTold(model, null, "'spare.fc' (nor did 'spare', which holds it");
    }

    [Fact]
    public void Trace_ModuleInTwoPlaces_NamesBoth()
    {
        using var scope = NewDisposeScope();
        var shared = Linear(8, 8);
        var model = new Wired(static (g, x) => g.Call("second", g.Call("first", x)), ("first", shared), ("second", Sequential(("fc", shared))), ("head", Linear(8, 8)));

        AssertTold(model, null, "One Linear stands in two places, 'first' and 'second.fc'", "a module of its own");
    }

    [Fact]
    public void Trace_SharedActivation_IsNoError()
    {
        using var scope = NewDisposeScope();
        var gelu = GELU();
        var model = Sequential(("fc1", Linear(8, 8)), ("act1", gelu), ("fc2", Linear(8, 8)), ("act2", gelu), ("fc3", Linear(8, 8)));

        Assert.Equal(
            ["fc1:input (ModelInput)", "fc2:input (PostGelu)", "fc3:input (PostGelu)"],
            ModuleGraph.Trace(model, Sample()).Sites.Where(static site => site.Operand == SiteOperand.Input).Select(static site => site.ToString()));
    }

    [Fact]
    public void Trace_LayerRunsTwice_HasItsSitesOnce()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (g, x) => g.Call("head", g.Call("fc", g.Call("fc", x))), ("fc", Linear(8, 8)), ("head", Linear(8, 8)));

        Assert.Equal(["fc:input", "fc:weight", "head:input", "head:weight"], ModuleGraph.Trace(model, Sample()).Sites.Select(static site => site.Id));
        Assert.Equal(["head:input", "head:weight"], ModuleGraph.Trace(model, Sample(), new TraceOptions { Ignore = ["fc"] }).Sites.Select(static site => site.Id));
    }

    [Fact]
    public void Trace_SoftmaxRunsTwiceBeforeBareProducts_HasOneSite()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(
            static (g, x) => g.Call("fc", matmul(g.Call("softmax", x), x.transpose(0, 1)).matmul(g.Call("softmax", x))), ("softmax", Softmax(-1)), ("fc", Linear(8, 8)));

        Assert.Single(ModuleGraph.Trace(model, Sample()).Sites, static site => site is { Path: "softmax", Operand: SiteOperand.Output });
        Assert.Equal(2, ModuleGraph.Trace(model, Sample(), new TraceOptions { Ignore = ["softmax"] }).Sites.Count);
    }

    [Fact]
    public void Trace_OpaqueModule_NamesItsKind()
    {
        using var scope = NewDisposeScope();
        var attention = MultiheadAttention(8, 2);
        var model = new Wired(static (g, x) => g.Call("fc", x), ("attention", attention), ("fc", Linear(8, 8)));

        AssertTold(model, null, "'attention' is a MultiheadAttention", "no hook can reach", "Ignore");
        Assert.Equal(2, ModuleGraph.Trace(model, Sample(), new TraceOptions { Ignore = ["attention"] }).Sites.Count);
    }

    [Fact]
    public void Trace_TransposedConvolution_NamesItsKind()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (g, x) => g.Call("fc", x), ("up", ConvTranspose2d(8, 8, 2)), ("fc", Linear(8, 8)));

        AssertTold(model, null, "'up' is a ConvTranspose2d", "Ignore");
    }

    [Fact]
    public void Trace_NoSite_SaysSo() => AssertTold(Sequential(GELU()), null, "no linear layer, convolution or matrix-product module");

    [Fact]
    public void Trace_EverythingIgnored_SaysSo() => AssertTold(Sequential(Linear(8, 8)), new TraceOptions { Ignore = ["**"] }, "no linear layer");

    [Fact]
    public void Trace_IgnoredPathDoesNotExist_NamesIt() =>
        AssertTold(Plain(), new TraceOptions { Ignore = ["nose"] }, "No module fits 'nose' in Ignore");

    [Fact]
    public void Trace_UnitDoesNotExist_NamesItAndTheModules() =>
        AssertTold(Plain(), new TraceOptions { Units = ["fc", "tail"] }, "No module fits the unit 'tail'", "norm, fc, head");

    [Fact]
    public void Trace_UnitRunsTwice_NamesItAndTheCount() => AssertTold(
        new Wired(static (g, x) => g.Call("head", g.Call("act", g.Call("act", x))), ("act", GELU()), ("head", Linear(8, 8))),
        new TraceOptions { Units = ["act"] },
        "unit 'act' ran 2 times");

    [Fact]
    public void Trace_UnitNeverFires_NamesIt() => AssertTold(
        new Wired(static (g, x) => g.Call("head", x), ("act", GELU()), ("head", Linear(8, 8))), new TraceOptions { Units = ["act"] }, "unit 'act' never fired", "call");

    [Fact]
    public void Trace_NestedUnits_NamesBoth() => AssertTold(
        Sequential(("body", Sequential(("fc", Linear(8, 8)))), ("head", Linear(8, 8))), new TraceOptions { Units = ["body", "**.fc"] }, "'body.fc' lies inside the unit 'body'");

    [Fact]
    public void Trace_UnitIsAContainer_NamesItsKind() => AssertTold(
        new Wired(static (g, x) => g.Call("fc", x), ("fc", Linear(8, 8)), ("list", new TorchSharp.Modules.ModuleList<Module<Tensor, Tensor>>(Linear(8, 8)))),
        new TraceOptions { Units = ["list"], Ignore = ["list.0"] },
        "unit 'list' is a ModuleList", "a container that is never called");

    [Fact]
    public void Trace_RoleForNoSite_NamesItAndTheSites() => AssertTold(
        Plain(), Declare("head.*", SiteOperand.Input, SiteRole.PostGelu), "declared for 'head.*:input', but no site fits", "fc:input");

    [Fact]
    public void Trace_PostLayerNormWithoutProducer_NamesTheSite() => AssertTold(
        Plain(), Declare("fc", SiteOperand.Input, SiteRole.PostLayerNorm), "declared for 'fc:input' needs the path of the LayerNorm", "found none");

    [Theory]
    [InlineData("head")]
    [InlineData("plainnorm")]
    public void Trace_PostLayerNormWithAnotherProducer_NamesIt(string producer) => AssertTold(
        Plain(), Declare("fc", SiteOperand.Input, SiteRole.PostLayerNorm, producer), "declared for 'fc:input'", $"found '{producer}'");

    [Fact]
    public void Trace_RoleOfAModuleThatDoesNotExist_NamesIt() => AssertTold(
        Plain(), Declare("fc", SiteOperand.Input, SiteRole.PostGelu, "gone"), "'fc:input' names 'gone'", "no such module");

    [Fact]
    public void Trace_PostLayerNormOnAProduct_SaysWhatCan() => AssertTold(
        new Wired(static (g, x) => g.Call("product", g.Call("norm", x), x.transpose(0, 1)), ("norm", LayerNorm(8)), ("product", new Core.Models.MatMul())),
        Declare("product", SiteOperand.Left, SiteRole.PostLayerNorm, "norm"),
        "'product:left'", "only the input of a linear layer");

    [Fact]
    public void Trace_PostLayerNormOfAnotherWidth_SaysWhatCan() => AssertTold(
        new Wired(static (g, x) => g.Call("fc", g.Call("norm", x).narrow(1, 0, 4)), ("norm", LayerNorm(8)), ("fc", Linear(4, 8))),
        Declare("fc", SiteOperand.Input, SiteRole.PostLayerNorm, "norm"),
        "'fc:input'", "channels (8)");

    [Fact]
    public void Trace_DeclaredPostLayerNormThatAResidualReads_SaysThatItDoesNotHold() => AssertTold(
        new Wired(
            static (g, x) =>
            {
                var n = g.Call("norm", x);
                return n + g.Call("fc", n);
            },
            ("norm", LayerNorm(8)), ("fc", Linear(8, 8))),
        Declare("fc", SiteOperand.Input, SiteRole.PostLayerNorm, "norm"),
        "declared for 'fc:input' does not hold", "reads the output of 'norm'");

    [Fact]
    public void Trace_DeclaredPostLayerNormPaddedWithZeros_SaysThatItDoesNotHold() => AssertTold(
        new Wired(static (g, x) => g.Call("fc", functional.pad(g.Call("norm", x), [0, 0, 0, 1])), ("norm", LayerNorm(8)), ("fc", Linear(8, 8))),
        Declare("fc", SiteOperand.Input, SiteRole.PostLayerNorm, "norm"),
        "declared for 'fc:input' does not hold");

    [Theory]
    [InlineData(SiteOperand.Input, SiteRole.Weight)]
    [InlineData(SiteOperand.Weight, SiteRole.PostGelu)]
    public void Trace_WeightRoleMismatch_NamesBoth(SiteOperand operand, SiteRole role) => AssertTold(Plain(), Declare("fc", operand, role), $"role {role} is declared for 'fc:");

    [Fact]
    public void Trace_ScriptModule_NamesIt()
    {
        using var scope = NewDisposeScope();
        var file = Path.GetTempFileName();
        try
        {
            // TorchSharp makes script modules from files only; one of no code is enough.
            File.WriteAllBytes(file, ScriptArchive.Identity());
            var model = new Wired(static (g, x) => g.Call("fc", x), ("script", jit.load<Tensor, Tensor>(file)), ("fc", Linear(8, 8)));

            AssertTold(model, null, "'script' is a torch.jit ScriptModule", "Ignore");
            Assert.Equal(2, ModuleGraph.Trace(model, Sample(), new TraceOptions { Ignore = ["script"] }).Sites.Count);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Trace_ModelHasQuantizersAttached_SaysSo()
    {
        using var scope = NewDisposeScope();
        var model = Plain();
        var graph = ModuleGraph.Trace(model, Sample());
        using var attachment = GraphAttachment.Attach(graph, MicroModels.Choose);

        AssertTold(model, null, "The model has quantizers attached already");
        Assert.Contains("The model has quantizers attached already", Assert.Throws<QuantizationException>(() => GraphAttachment.Attach(graph, MicroModels.Choose)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Trace_ModelThrows_LeavesModesAndHooks()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (_, _) => throw new NotSupportedException("no"), ("fc", Linear(8, 8)));

        Assert.Throws<NotSupportedException>(() => ModuleGraph.Trace(model, Sample()));

        Hooks.AssertNone(model);
        Assert.True(model.training);
    }

    [Fact]
    public void Trace_Null_Throws()
    {
        using var sample = Sample();
        Assert.Throws<ArgumentNullException>(() => ModuleGraph.Trace(null!, sample));
        Assert.Throws<ArgumentNullException>(() => ModuleGraph.Trace(Plain(), null!));
    }

    private static Tensor Sample() => Seeded.Normal(1, 2, 8);

    private static Wired Plain() => new(
        static (g, x) => g.Call("head", g.Call("plainnorm", g.Call("fc", g.Call("norm", x)))),
        ("norm", LayerNorm(8)), ("fc", Linear(8, 8)), ("head", Linear(8, 8)), ("plainnorm", LayerNorm([8], elementwise_affine: false)));

    private static TraceOptions Declare(string pattern, SiteOperand operand, SiteRole role, string? producer = null) =>
        new() { Roles = [new RoleDeclaration(pattern, operand, role, producer)] };

    private static void AssertTold(nn.Module<Tensor, Tensor> model, TraceOptions? options, params string[] parts)
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<QuantizationException>(() => ModuleGraph.Trace(model, Sample(), options));
        Assert.All(parts, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
    }
}
