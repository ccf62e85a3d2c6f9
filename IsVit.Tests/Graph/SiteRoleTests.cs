using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Model;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace IsVit.Tests.Graph;

/// <summary>Which role a site has, and when a LayerNorm's scale may move.</summary>
public sealed class SiteRoleTests
{
    [Fact]
    public void Trace_LayerNormThenLinear_IsPostLayerNorm() =>
        AssertRole(SiteRole.PostLayerNorm, (g, x) => g.Call("fc", g.Call("norm", x)));

    [Fact]
    public void Trace_ResidualReadsTheLayerNormToo_IsOther() =>
        AssertRole(SiteRole.Other, (g, x) =>
        {
            var n = g.Call("norm", x);
            return n + g.Call("fc", n);
        });

    [Fact]
    public void Trace_LayerNormIsTheModelsOutputToo_IsOther() =>
        AssertRole(SiteRole.Other, (g, x) =>
        {
            var n = g.Call("norm", x);
            return cat([n, g.Call("fc", n)], -1);
        });

    [Fact]
    public void Trace_AnotherLayerNormReadsItToo_IsOther() =>
        AssertRole(SiteRole.Other, (g, x) =>
        {
            var n = g.Call("norm", x);
            return g.Call("other", n) + g.Call("fc", n);
        }, ("other", LayerNorm(8)));

    [Fact]
    public void Trace_ConvolutionReadsItToo_IsOther() =>
        AssertRole(SiteRole.Other, (g, x) =>
        {
            var n = g.Call("norm", x);
            return g.Call("other", n) + g.Call("fc", n);
        }, ("other", Conv1d(4, 4, 1)));

    [Fact]
    public void Trace_TwoLinearsReadIt_BothArePostLayerNorm() =>
        AssertRole(SiteRole.PostLayerNorm, (g, x) =>
        {
            var n = g.Call("norm", x);
            return g.Call("other", n) + g.Call("fc", n);
        }, ("other", Linear(8, 8)));

    [Fact]
    public void Trace_OneOfTheLinearsReadsAPart_IsOther() =>
        AssertRole(SiteRole.Other, (g, x) =>
        {
            var n = g.Call("norm", x);
            return g.Call("other", n.narrow(1, 0, 1)) + g.Call("fc", n);
        }, ("other", Linear(8, 8)));

    [Fact]
    public void Trace_TokensMixedByATransposedLinear_IsOther()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (g, x) => g.Call("fc", g.Call("norm", x).transpose(1, 2)), ("norm", LayerNorm(4)), ("fc", Linear(4, 4)));

        var graph = ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 4, 4));

        Assert.Equal(SiteRole.Other, graph.Sites[0].Role);
    }

    [Fact]
    public void Trace_FunctionalReluInPlaceBetween_IsOther() =>
        AssertRole(SiteRole.Other, (g, x) => g.Call("fc", g.Call("norm", x).relu_()));

    [Fact]
    public void Trace_AddInPlaceBetween_IsOther() =>
        AssertRole(SiteRole.Other, (g, x) => g.Call("fc", g.Call("norm", x).add_(0.5)));

    [Fact]
    public void Trace_ReluModuleInPlaceBetween_IsOther() =>
        AssertRole(SiteRole.Other, (g, x) => g.Call("fc", g.Call("other", g.Call("norm", x))), ("other", ReLU(inplace: true)));

    [Fact]
    public void Trace_ReluModuleInPlaceAfterTheLinear_IsOther() =>
        AssertRole(SiteRole.Other, (g, x) =>
        {
            var n = g.Call("norm", x);
            return g.Call("fc", n) + g.Call("other", n);
        }, ("other", ReLU(inplace: true)));

    public static TheoryData<string> PassingOn => ["dropout", "identity", "drop path", "flatten", "foreign", "sequential", "wrapped norm"];

    [Theory]
    [MemberData(nameof(PassingOn))]
    public void Trace_ModuleThatHandsOnBetween_IsPostLayerNorm(string kind)
    {
        nn.Module<Tensor, Tensor> between = kind switch
        {
            "dropout" => Dropout(0.5),
            "identity" => Identity(),
            "drop path" => new DropPath(0.5),
            "flatten" => Flatten(0, 0),
            "foreign" => new Wired(static (g, x) => g.training ? x * 0 : x),
            "sequential" => Sequential(Dropout(0.1), Identity()),
            _ => new Wired(static (g, x) => g.Call("inner", x), ("inner", LayerNorm(8))),
        };
        AssertRole(SiteRole.PostLayerNorm, (g, x) => g.Call("fc", g.Call("other", kind == "wrapped norm" ? x : g.Call("norm", x))), kind == "wrapped norm" ? "other.inner" : "norm", ("other", between));
    }

    [Fact]
    public void Trace_LayerNormWithoutWeight_IsOther()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (g, x) => g.Call("fc", g.Call("norm", x)), ("norm", LayerNorm([8], elementwise_affine: false)), ("fc", Linear(8, 8)));

        Assert.Equal(SiteRole.Other, ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 4, 8)).Sites[0].Role);
    }

    [Fact]
    public void Trace_LayerNormOverTwoAxes_IsOther()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (g, x) => g.Call("fc", g.Call("norm", x)), ("norm", LayerNorm([4, 8])), ("fc", Linear(8, 8)));

        Assert.Equal(SiteRole.Other, ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 4, 8)).Sites[0].Role);
    }

    [Fact]
    public void Trace_LayerNormRunsTwice_IsOther() =>
        AssertRole(SiteRole.Other, (g, x) => g.Call("fc", g.Call("norm", g.Call("norm", x))));

    [Fact]
    public void Trace_ReadersWeightIsSharedWithAnotherLayer_IsOther()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (Linear(8, 8), Linear(8, 8));
        second.weight = first.weight;
        var model = new Wired(static (g, x) => g.Call("second", g.Call("first", g.Call("norm", x))), ("norm", LayerNorm(8)), ("first", first), ("second", second));

        Assert.Equal(SiteRole.Other, ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 4, 8)).Sites[0].Role);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Trace_ReaderIsIgnored_IsOther(bool inside)
    {
        using var scope = NewDisposeScope();
        var other = Sequential(("fc", Linear(8, 8)));
        var model = new Wired(
            static (g, x) =>
            {
                var n = g.Call("norm", x);
                return g.Call("other", n) + g.Call("fc", n);
            },
            ("norm", LayerNorm(8)), ("fc", Linear(8, 8)), ("other", other));

        var graph = ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 4, 8), new TraceOptions { Ignore = [inside ? "other.fc" : "other"] });

        Assert.Equal(["fc:input (Other)", "fc:weight (Weight)"], graph.Sites.Select(static site => site.ToString()));
    }

    [Fact]
    public void Trace_GeluAndSoftmaxModules_GiveRolesAlsoThroughViews()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(
            static (g, x) => g.Call("second", g.Call("gelu", g.Call("first", x)).reshape(8, 8)) + g.Call("third", g.Call("softmax", x).transpose(1, 2).reshape(8, 8)),
            ("first", Linear(8, 8)), ("gelu", GELU()), ("second", Linear(8, 8)), ("softmax", Softmax(-1)), ("third", Linear(8, 8)));

        // One token, so that what is transposed is still one stretch of memory.
        var graph = ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 8, 1, 8));

        Assert.Equal(
            [
                new Site("first", SiteOperand.Input, SiteRole.ModelInput), new Site("first", SiteOperand.Weight, SiteRole.Weight),
                new Site("second", SiteOperand.Input, SiteRole.PostGelu, "gelu"), new Site("second", SiteOperand.Weight, SiteRole.Weight),
                new Site("third", SiteOperand.Input, SiteRole.PostSoftmax, "softmax"), new Site("third", SiteOperand.Weight, SiteRole.Weight),
            ],
            graph.Sites);
    }

    [Fact]
    public void Trace_GeluAndSoftmaxChangedInPlace_LoseTheirRoles()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(
            static (g, x) => g.Call("second", g.Call("gelu", g.Call("first", x)).mul_(2)) + g.Call("third", g.Call("softmax", x).add_(1)),
            ("first", Linear(8, 8)), ("gelu", GELU()), ("second", Linear(8, 8)), ("softmax", Softmax(-1)), ("third", Linear(8, 8)));

        var graph = ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 8), new TraceOptions { Ignore = ["softmax"] });

        Assert.Equal(
            [SiteRole.ModelInput, SiteRole.Other, SiteRole.Other],
            graph.Sites.Where(static site => site.Operand == SiteOperand.Input).Select(static site => site.Role));
    }

    [Fact]
    public void Trace_SoftmaxGivesTheModelsOutput_IsNoSite()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("fc", Linear(8, 8)), ("softmax", Softmax(-1)), ("same", Identity()));

        Assert.Equal(["fc:input", "fc:weight"], ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 8)).Sites.Select(static site => site.Id));
    }

    [Fact]
    public void Trace_NothingFlows_IsNoRole()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(
            static (g, x) => g.Call("fc", cat([x, g.Call("norm", x.narrow(0, 0, 0)), g.Call("softmax", x.narrow(0, 0, 0))])),
            ("norm", LayerNorm(8)), ("softmax", Softmax(-1)), ("fc", Linear(8, 8)));

        Assert.Equal(SiteRole.Other, ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 8), new TraceOptions { Ignore = ["softmax"] }).Sites[0].Role);
    }

    [Fact]
    public void Trace_DeclaredRoles_CallersWinOverModelsAndWildcardsReachTheProducer()
    {
        using var scope = NewDisposeScope();
        using var model = MicroModels.Create();
        var options = new TraceOptions
        {
            Roles =
            [
                new RoleDeclaration("blocks.*.attn.qkv", SiteOperand.Input, SiteRole.Other),
                new RoleDeclaration("blocks.1.attn.qkv", SiteOperand.Input, SiteRole.PostLayerNorm, "blocks.1.norm1"),
                new RoleDeclaration("**.fc1", SiteOperand.Input, SiteRole.PostLayerNorm, "blocks.0.norm2"),
                new RoleDeclaration("blocks.*.mlp.fc1", SiteOperand.Input, SiteRole.PostLayerNorm, "blocks.*.norm2"),
            ],
        };

        var sites = ModuleGraph.Trace(model, MicroModels.Images(1), options).Sites.ToDictionary(static site => site.Id);

        Assert.Equal(new Site("blocks.0.attn.qkv", SiteOperand.Input, SiteRole.Other), sites["blocks.0.attn.qkv:input"]);
        Assert.Equal(new Site("blocks.1.attn.qkv", SiteOperand.Input, SiteRole.PostLayerNorm, "blocks.1.norm1"), sites["blocks.1.attn.qkv:input"]);
        Assert.Equal(new Site("blocks.1.mlp.fc1", SiteOperand.Input, SiteRole.PostLayerNorm, "blocks.1.norm2"), sites["blocks.1.mlp.fc1:input"]);
    }

    [Fact]
    public void Trace_DeclaredReaderOfTheMean_IsPostLayerNorm()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (g, x) => g.Call("fc", g.Call("norm", x).mean([1L])), ("norm", LayerNorm(8)), ("fc", Linear(8, 8)));
        var declared = new TraceOptions { Roles = [new RoleDeclaration("fc", SiteOperand.Input, SiteRole.PostLayerNorm, "norm")] };

        Assert.Equal(SiteRole.Other, ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 4, 8)).Sites[0].Role);
        Assert.Equal(SiteRole.PostLayerNorm, ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 4, 8), declared).Sites[0].Role);
    }

    [Fact]
    public void Trace_TokensRolledAndCut_ArePostLayerNorm() =>
        AssertRole(SiteRole.PostLayerNorm, static (g, x) => g.Call("fc", g.Call("norm", x).roll([1], [1]).reshape(2, 2, 2, 8).transpose(1, 2).reshape(-1, 2, 8)));

    [Fact]
    public void Trace_ChannelsRolled_AreNoLayerNormsOutput() =>
        AssertRole(SiteRole.Other, static (g, x) => g.Call("fc", g.Call("norm", x).roll([1], [2])));

    [Fact]
    public void Trace_CopyWithOneNumberChanged_IsNoLayerNormsOutput() => AssertRole(SiteRole.Other, static (g, x) =>
    {
        var copy = g.Call("norm", x).clone();
        copy[0, 0].mul_(0.5f);
        return g.Call("fc", copy);
    });

    [Fact]
    public void Trace_RearrangedCopyBesideAResidual_LosesTheRoleToIt() =>
        AssertRole(SiteRole.Other, static (g, x) =>
        {
            var normal = g.Call("norm", x);
            return g.Call("fc", normal.roll([1], [1])) + normal;
        });

    [Fact]
    public void Trace_SoftmaxAndGeluCopied_KeepTheirRoles()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(
            static (g, x) => g.Call("product", g.Call("softmax", x).transpose(-2, -1).contiguous(), g.Call("fc", g.Call("gelu", x).flip(1))),
            ("softmax", Softmax(-1)), ("gelu", GELU()), ("fc", Linear(8, 8)), ("product", new MatMul()));

        var roles = ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 4, 8)).Sites.ToDictionary(static site => site.Id, static site => (site.Role, site.Producer));

        Assert.Equal((SiteRole.PostGelu, "gelu"), roles["fc:input"]);
        Assert.Equal((SiteRole.PostSoftmax, "softmax"), roles["product:left"]);
        Assert.DoesNotContain("softmax:output", roles.Keys);
    }

    [Fact]
    public void Trace_DeclaredSoftmaxOperand_IsQuantizedThereOnly()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (g, x) => g.Call("product", g.Call("softmax", x) * 0.5f, x.transpose(-2, -1)), ("softmax", Softmax(-1)), ("product", new MatMul()));
        var sample = TestSupport.Seeded.Normal(1, 2, 4, 8);
        var declared = new TraceOptions { Roles = [new RoleDeclaration("product", SiteOperand.Left, SiteRole.PostSoftmax, "softmax")] };

        Assert.Equal(["softmax:output", "product:left", "product:right"], ModuleGraph.Trace(model, sample).Sites.Select(static site => site.Id));
        Assert.Equal(["product:left", "product:right"], ModuleGraph.Trace(model, sample, declared).Sites.Select(static site => site.Id));
    }

    [Fact]
    public void Trace_ModelDoesNotRepeatItself_KeepsWhatCallsShow()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (g, x) => g.Call("fc", g.Call("norm", x)) + randn(2, 4, 8), ("norm", LayerNorm(8)), ("fc", Linear(8, 8)));

        Assert.Equal(SiteRole.PostLayerNorm, ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 4, 8)).Sites[0].Role);
    }

    private static void AssertRole(SiteRole expected, Func<Wired, Tensor, Tensor> forward, params (string, nn.Module)[] more) => AssertRole(expected, forward, "norm", more);

    private static void AssertRole(SiteRole expected, Func<Wired, Tensor, Tensor> forward, string producer, params (string, nn.Module)[] more)
    {
        using var scope = NewDisposeScope();
        using var model = new Wired(forward, [("norm", LayerNorm(8)), ("fc", Linear(8, 8)), .. more]);
        MicroModels.Randomize(model);
        model.train();

        var graph = ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 2, 4, 8));

        Assert.Equal(new Site("fc", SiteOperand.Input, expected, expected == SiteRole.Other ? null : producer), graph.Sites.Single(static site => site.Id == "fc:input"));
        Hooks.AssertNone(model);
        Assert.True(model.training);
    }
}
