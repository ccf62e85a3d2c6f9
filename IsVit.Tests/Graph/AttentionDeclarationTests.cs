using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace IsVit.Tests.Graph;

public sealed class AttentionDeclarationTests
{
    // 3 heads of width 2, as timm lays them out.
    private static readonly AttentionDeclaration s_fused = new(3)
    {
        Query = new("layers.*.qkv", 2),
        Key = new("layers.*.qkv", 2, 6),
        Value = new("layers.*.qkv", 2, 12),
        Output = "layers.*.proj",
    };

    [Fact]
    public void Trace_VisionTransformer_DeclaresEveryBlock()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        var attentions = ModuleGraph.Trace(model, Micro.Images(count: 1)).Attentions;

        Assert.Equal(
            Enumerable.Range(0, 2).Select(static i => new AttentionDeclaration(4)
            {
                Query = new($"blocks.{i}.attn.qkv", 12),
                Key = new($"blocks.{i}.attn.qkv", 12, 48),
                Value = new($"blocks.{i}.attn.qkv", 12, 96),
                Output = $"blocks.{i}.attn.proj",
            }),
            attentions);
        Assert.Equal((48L, 60L, 84L), (attentions[0].Key!.FirstOf(0), attentions[0].Key!.FirstOf(1), attentions[0].Key!.FirstOf(3)));
    }

    [Fact]
    public void Trace_OneBlockOrNoDeclaration_TakesWhatThereIs()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(options: Micro.Options with { Depth = 1 });

        Assert.Equal("blocks.0.attn.qkv", Assert.Single(ModuleGraph.Trace(model, Micro.Images(count: 1)).Attentions).Query!.Layer);
        Assert.Empty(Trace(null).Attentions);
    }

    [Fact]
    public void Trace_CallersDeclaration_TakesThePlaceOfTheModels()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var own = new AttentionDeclaration(4) { Value = new("blocks.1.attn.qkv", 12, 96), Output = "blocks.1.attn.proj" };

        Assert.Equal([own], ModuleGraph.Trace(model, Micro.Images(count: 1), new TraceOptions { Attentions = [own] }).Attentions);
    }

    [Fact]
    public void Trace_Pattern_FindsEveryPlaceButThoseIgnored()
    {
        using var scope = NewDisposeScope();

        var all = Trace(s_fused).Attentions;
        var some = Trace(s_fused, "layers.0.proj").Attentions;
        var none = Trace(s_fused, "layers.*.proj").Attentions;

        Assert.Equal(["layers.0.proj", "layers.1.proj"], all.Select(static attention => attention.Output));
        Assert.Equal(["layers.1.qkv"], some.Select(static attention => attention.Value!.Layer));
        Assert.Empty(none);
    }

    [Fact]
    public void FirstOf_Stride_StandsBetweenHeads()
    {
        var rows = new HeadRows("qkv", 4, 8, 12);

        Assert.Equal([8, 20, 32], Enumerable.Range(0, 3).Select(rows.FirstOf));
        Assert.Equal(3L * int.MaxValue, new HeadRows("qkv", int.MaxValue).FirstOf(3));
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Trace_DeclarationThatDoesNotFit_SaysWhy(string name, string[] told)
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<QuantizationException>(() => Trace(s_wrong[name]));
        Assert.All(told, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Trace_MoreWildcardsThanTheFirstLayers_SaysSo()
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<ArgumentException>(() => Trace(s_fused with { Output = "*.*.proj" }));
        Assert.Contains("'*.*.proj' has more wildcards than 'layers.*.qkv'", error.Message, StringComparison.Ordinal);
    }

    private static readonly Dictionary<string, AttentionDeclaration> s_wrong = new(StringComparer.Ordinal)
    {
        ["nothing"] = new(3),
        ["a query alone"] = s_fused with { Key = null },
        ["a value alone"] = s_fused with { Output = null },
        ["no head"] = s_fused with { HeadCount = 0 },
        ["no width"] = s_fused with { Value = new("layers.*.qkv", 0) },
        ["a negative start"] = s_fused with { Value = new("layers.*.qkv", 2, -1) },
        ["a small stride"] = s_fused with { Value = new("layers.*.qkv", 2, 12, 1) },
        ["unequal widths"] = s_fused with { Key = new("layers.*.qkv", 1, 6) },
        ["no such pattern"] = s_fused with { Query = new("blocks.*.qkv", 2) },
        ["no such layer"] = s_fused with { Output = "layers.*.out" },
        ["another kind"] = s_fused with { Output = "layers.*" },
        ["too many rows"] = s_fused with { Value = new("layers.*.qkv", 2, 13) },
        ["taken rows"] = s_fused with { Key = new("layers.*.qkv", 2, 4) },
        ["another width behind"] = s_fused with { Output = "layers.*.qkv" },
    };

    public static TheoryData<string, string[]> Wrong => new()
    {
        { "nothing", ["declared with no layer", "expected Query and Key, Value and Output, or all four"] },
        { "a query alone", ["declared with Query, Value, Output only"] },
        { "a value alone", ["declared with Query, Key, Value only"] },
        { "no head", ["'layers.*.qkv' has 0 heads", "at least 1"] },
        { "no width", ["'layers.*.qkv' has a Value of width 0 from 0 with stride 0"] },
        { "a negative start", ["Value of width 2 from -1 with stride 2"] },
        { "a small stride", ["Value of width 2 from 12 with stride 1", "no smaller than the width"] },
        { "unequal widths", ["queries of width 2 and keys of width 1", "equal widths"] },
        { "no such pattern", ["first layer is 'blocks.*.qkv'", "no module fits", "layers.0.qkv, layers.0.proj"] },
        { "no such layer", ["'layers.0.qkv' names 'layers.0.out', which is no module of the graph"] },
        { "another kind", ["'layers.0.qkv' names 'layers.0', which is a Wired; expected a linear layer"] },
        { "too many rows", ["a Value of 3 heads that ends at output 19 of 'layers.0.qkv', which has 18"] },
        { "taken rows", ["takes output 4 of 'layers.0.qkv' both for Query and for Key"] },
        { "another width behind", ["hands 3 heads of width 2 to 'layers.0.qkv', which has 5 inputs; expected 6"] },
    };

    private static ModuleGraph Trace(AttentionDeclaration? declaration, params string[] ignore)
    {
        static Wired Layer() => new(
            static (g, x) => x + g.Call("proj", g.Call("qkv", x).narrow(-1, 0, 6)), ("qkv", Linear(5, 18)), ("proj", Linear(6, 5)));
        var model = new Wired(
            static (g, x) => g.Part<TorchSharp.Modules.ModuleList<Wired>>("layers").Aggregate(x, static (y, layer) => layer.call(y)),
            ("layers", ModuleList(Layer(), Layer())));
        return ModuleGraph.Trace(model, Seeded.Normal(1, 2, 5), new TraceOptions { Attentions = declaration is null ? [] : [declaration], Ignore = ignore });
    }
}
