using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model;
using IsVit.Model.Architectures;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

/// <summary>What tracing finds in the library's own vision transformer.</summary>
public sealed class VisionTransformerGraphTests
{
    [Fact]
    public void Trace_MicroVit_FindsEverySiteWithRoleAndProducer()
    {
        using var scope = NewDisposeScope();
        using var model = MicroModels.Create();

        var graph = ModuleGraph.Trace(model, MicroModels.Images(1));

        string[] expected = ["patch_embed.proj:input ModelInput -", "patch_embed.proj:weight Weight -", .. Block(0), .. Block(1), "head:input Other -", "head:weight Weight -"];
        Assert.Equal(expected, Describe(graph));
        Assert.Same(model, graph.Model);
    }

    [Fact]
    public void Trace_MicroVit_FindsUnitsInOrderWithShapesAndBytes()
    {
        using var scope = NewDisposeScope();
        using var model = MicroModels.Create();

        var graph = ModuleGraph.Trace(model, MicroModels.Images(2));

        Assert.Equal(
            [
                "patch_embed [2, 3, 32, 32] -> [2, 16, 48]",
                "blocks.0 [2, 17, 48] -> [2, 17, 48]",
                "blocks.1 [2, 17, 48] -> [2, 17, 48]",
                "head [2, 48] -> [2, 10]",
            ],
            graph.Units.Select(static unit => unit.ToString()));
        Assert.Equal([4 * ((3 * 32 * 32) + (16 * 48)), 4 * 2 * 17 * 48, 4 * 2 * 17 * 48, 4 * (48 + 10)], graph.Units.Select(static unit => unit.InputBytesPerSample + unit.OutputBytesPerSample));
        Assert.Equal("blocks.1", graph.UnitOf("blocks.1.mlp.fc1")?.Path);
        Assert.Null(graph.UnitOf("norm"));
    }

    [Fact]
    public void Trace_Distilled_FindsBothHeads()
    {
        using var scope = NewDisposeScope();
        using var model = MicroModels.Create(MicroModels.Options with { Distilled = true, Depth = 1 });

        var graph = ModuleGraph.Trace(model, MicroModels.Images(1));

        string[] expected =
        [
            "patch_embed.proj:input ModelInput -", "patch_embed.proj:weight Weight -", .. Block(0), "head:input Other -", "head:weight Weight -",
            "head_dist:input Other -", "head_dist:weight Weight -",
        ];
        Assert.Equal(expected, Describe(graph));
        Assert.Equal(["patch_embed", "blocks.0", "head", "head_dist"], graph.Units.Select(static unit => unit.Path));
    }

    [Fact]
    public void Trace_AveragePooling_HeadReadsTheLayerNorm()
    {
        using var scope = NewDisposeScope();
        using var model = MicroModels.Create(MicroModels.Options with { Pooling = PoolingKind.Average, HasClassToken = false, Depth = 1 });

        var graph = ModuleGraph.Trace(model, MicroModels.Images(1));

        Assert.Equal(new Site("head", SiteOperand.Input, SiteRole.PostLayerNorm, "fc_norm"), graph.Sites.Single(static site => site.Id == "head:input"));
    }

    [Fact]
    public void Trace_DeitTinysWeights_EveryScaleMayMove()
    {
        var weights = SharedData.Weights;
        using var scope = NewDisposeScope();
        using var model = ModelCatalog.Create("deit_tiny_patch16_224");
        StateDict.Load(model, weights);

        var graph = ModuleGraph.Trace(model, Seeded.Normal(1, 1, 3, 224, 224));

        Assert.Equal(24, graph.Sites.Count(static site => site.Role == SiteRole.PostLayerNorm));
        Assert.Equal(12, graph.Sites.Count(static site => site.Role == SiteRole.PostSoftmax));
        Assert.Equal(12, graph.Sites.Count(static site => site.Role == SiteRole.PostGelu));
        Assert.Equal(14, graph.Units.Count);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Trace_LayerScaleNoQkvBiasDropPath_SameSites(bool layerScale, bool dropPath)
    {
        using var scope = NewDisposeScope();
        using var plain = MicroModels.Create();
        using var model = MicroModels.Create(MicroModels.Options with
        {
            LayerScale = layerScale ? 0.1 : null, QkvBias = false, DropPathRate = dropPath ? 0.5 : 0, DropoutRate = dropPath ? 0.3 : 0,
        });

        Assert.Equal(Describe(ModuleGraph.Trace(plain, MicroModels.Images(1))), Describe(ModuleGraph.Trace(model, MicroModels.Images(1))));
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Trace_OtherTypes_SameSites(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var plain = MicroModels.Create();
        var sites = Describe(ModuleGraph.Trace(plain, MicroModels.Images(1)));
        using var model = MicroModels.Create();
        model.to(type);

        var graph = ModuleGraph.Trace(model, MicroModels.Images(1).to(type));

        Assert.Equal(sites, Describe(graph));
    }

    [Fact]
    public void Trace_TrainingModelWithUserHooks_LeavesModesHooksParametersAndMemory()
    {
        using var model = MicroModels.Create(MicroModels.Options with { DropPathRate = 0.5, DropoutRate = 0.5 });
        using var images = MicroModels.Images(1);
        model.train();
        model.Blocks[0].Mlp.eval();
        var calls = 0;
        model.Blocks[0].register_forward_hook(_ => calls++);
        model.Blocks[1].Attn.Qkv.register_forward_pre_hook((_, x) =>
        {
            calls++;
            return x;
        });
        var modes = Modes();
        var hooks = Hooks.Of(model);
        var parameters = model.parameters().ToList();

        LiveTensors.AssertNoneLeftBy(() => ModuleGraph.Trace(model, images));

        Assert.Equal(modes, Modes());
        Assert.Contains(true, modes.Values);
        Assert.Contains(false, modes.Values);
        Assert.Equal(hooks, Hooks.Of(model));
        Assert.True(calls >= 4, "the user's hooks run while tracing.");
        Assert.Equal(parameters, model.parameters(), ReferenceEqualityComparer.Instance);

        Dictionary<string, bool> Modes() => model.named_modules().Prepend(("", model)).ToDictionary(static entry => entry.Item1, static entry => entry.Item2.training);
    }

    private static IEnumerable<string> Describe(ModuleGraph graph) => graph.Sites.Select(static site => $"{site.Id} {site.Role} {site.Producer ?? "-"}");

    private static string[] Block(int index) =>
    [
        .. new[]
        {
            "attn.qkv:input PostLayerNorm #.norm1", "attn.qkv:weight Weight -", "attn.qk:left Other -", "attn.qk:right Other -",
            "attn.av:left PostSoftmax #.attn.softmax", "attn.av:right Other -", "attn.proj:input Other -", "attn.proj:weight Weight -",
            "mlp.fc1:input PostLayerNorm #.norm2", "mlp.fc1:weight Weight -", "mlp.fc2:input PostGelu #.mlp.act", "mlp.fc2:weight Weight -",
        }.Select(line => $"blocks.{index}.{line.Replace("#", $"blocks.{index}", StringComparison.Ordinal)}"),
    ];
}
