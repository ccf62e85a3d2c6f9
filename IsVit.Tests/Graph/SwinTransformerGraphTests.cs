using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Model;
using IsVit.Model.Architectures;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

/// <summary>What tracing finds in the library's own Swin transformer, which declares no role: windows are rolled and cut between LayerNorms and their readers.</summary>
public sealed class SwinTransformerGraphTests
{
    // 8 tokens a side and windows of 4: the second block is shifted; the second layer is one window.
    private static readonly SwinTransformerOptions Options = new()
    {
        ImageSize = 32, PatchSize = 4, EmbedDim = 12, Depths = [2, 1], HeadCounts = [2, 3], WindowSize = 4, ClassCount = 5, MlpRatio = 2, DropPathRate = 0.5,
    };

    [Fact]
    public void Trace_ShiftedWindowsAndPatchMerging_FindsEverySiteWithRoleAndProducer()
    {
        using var scope = NewDisposeScope();
        using var model = Create(Options);

        var graph = ModuleGraph.Trace(model, MicroModels.Images(1));

        string[] expected =
        [
            "patch_embed.proj:input ModelInput -", "patch_embed.proj:weight Weight -", .. Block(0, 0), .. Block(0, 1),
            "layers.1.downsample.reduction:input PostLayerNorm layers.1.downsample.norm", "layers.1.downsample.reduction:weight Weight -", .. Block(1, 0),
            "head.fc:input Other -", "head.fc:weight Weight -",
        ];
        Assert.Equal(expected, graph.Sites.Select(static site => $"{site.Id} {site.Role} {site.Producer ?? "-"}"));
    }

    [Fact]
    public void Trace_SidesThatAreNoMultipleOfTheWindow_ZerosBetweenTakeTheRoleFromQkvOnly()
    {
        using var scope = NewDisposeScope();
        using var model = Create(Options with { ImageSize = 24 }); // 6 tokens a side, filled up to 8

        var roles = ModuleGraph.Trace(model, TestSupport.Seeded.Normal(1, 1, 3, 24, 24)).Sites.ToDictionary(static site => site.Id, static site => site.Role);

        Assert.Equal(SiteRole.Other, roles["layers.0.blocks.0.attn.qkv:input"]);
        Assert.Equal(SiteRole.Other, roles["layers.0.blocks.1.attn.qkv:input"]);
        Assert.Equal(SiteRole.PostLayerNorm, roles["layers.0.blocks.1.mlp.fc1:input"]);
        Assert.Equal(SiteRole.PostLayerNorm, roles["layers.1.blocks.0.attn.qkv:input"]);
    }

    [Fact]
    public void Trace_FindsUnitsInOrderWithShapes()
    {
        using var scope = NewDisposeScope();
        using var model = Create(Options);

        var graph = ModuleGraph.Trace(model, MicroModels.Images(2));

        Assert.Equal(
            [
                "patch_embed [2, 3, 32, 32] -> [2, 8, 8, 12]",
                "layers.0.blocks.0 [2, 8, 8, 12] -> [2, 8, 8, 12]",
                "layers.0.blocks.1 [2, 8, 8, 12] -> [2, 8, 8, 12]",
                "layers.1.downsample [2, 8, 8, 12] -> [2, 4, 4, 24]",
                "layers.1.blocks.0 [2, 4, 4, 24] -> [2, 4, 4, 24]",
                "head.fc [2, 24] -> [2, 5]",
            ],
            graph.Units.Select(static unit => unit.ToString()));
    }

    [Fact]
    public void Trace_OneLayer_HasNoMergingToReconstruct()
    {
        using var scope = NewDisposeScope();
        using var model = Create(Options with { Depths = [2], HeadCounts = [2] });

        var graph = ModuleGraph.Trace(model, MicroModels.Images(1));

        Assert.Equal(["patch_embed", "layers.0.blocks.0", "layers.0.blocks.1", "head.fc"], graph.Units.Select(static unit => unit.Path));
        Assert.Equal(["layers.0.blocks.0.attn.qkv", "layers.0.blocks.1.attn.qkv"], graph.Attentions.Select(static attention => attention.Query!.Layer));
    }

    // The same with the declarations taken away, as a model has it that knows nothing of the library.
    [Fact]
    public void Trace_WithoutDeclarations_FindsTheBlocksAsUnits()
    {
        using var scope = NewDisposeScope();
        using var model = new Undeclared(Create(Options));

        var graph = ModuleGraph.Trace(model, MicroModels.Images(1));

        Assert.Equal(
            ["inner.patch_embed.proj", "inner.layers.0.blocks.0", "inner.layers.0.blocks.1", "inner.layers.1", "inner.head.fc"],
            graph.Units.Select(static unit => unit.Path));
        Assert.Equal(7, graph.Sites.Count(static site => site.Role == SiteRole.PostLayerNorm));
        Assert.Empty(graph.Attentions);
    }

    private static SwinTransformer Create(SwinTransformerOptions options)
    {
        var model = options.Create();
        MicroModels.Randomize(model);
        return model;
    }

    private static string[] Block(int layer, int index) =>
    [
        .. new[]
        {
            "attn.qkv:input PostLayerNorm #.norm1", "attn.qkv:weight Weight -", "attn.qk:left Other -", "attn.qk:right Other -",
            "attn.av:left PostSoftmax #.attn.softmax", "attn.av:right Other -", "attn.proj:input Other -", "attn.proj:weight Weight -",
            "mlp.fc1:input PostLayerNorm #.norm2", "mlp.fc1:weight Weight -", "mlp.fc2:input PostGelu #.mlp.act", "mlp.fc2:weight Weight -",
        }.Select(line => $"layers.{layer}.blocks.{index}.{line.Replace("#", $"layers.{layer}.blocks.{index}", StringComparison.Ordinal)}"),
    ];

    private sealed class Undeclared : nn.Module<Tensor, Tensor>
    {
        private readonly SwinTransformer inner;

        public Undeclared(SwinTransformer inner)
            : base(nameof(Undeclared))
        {
            this.inner = inner;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => inner.call(input);
    }
}
