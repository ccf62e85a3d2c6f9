using IsVit.Core.Coverage;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace IsVit.Tests.Coverage;

/// <summary>What a model multiplies is counted by libtorch's own account of what it ran; on the systems of these tests it has one.</summary>
public sealed class QuantizationCoverageTests
{
    [Fact]
    public void Measure_VisionTransformer_ListsEveryProductWithItsSteps()
    {
        using var scope = NewDisposeScope();
        var model = MicroModels.Create();
        var images = MicroModels.Images(1);
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, images), MicroModels.Choose);

        var coverage = QuantizationCoverage.Measure(attachment, images, ProductSource.Operators);

        // 17 tokens of 48 numbers, 3 heads of 16, an MLP of 96.
        (string Path, long Steps)[] block =
        [
            ("attn.qkv", 17 * 48 * 144), ("attn.qk", 3 * 17 * 16 * 17), ("attn.av", 3 * 17 * 17 * 16), ("attn.proj", 17 * 48 * 48), ("mlp.fc1", 17 * 48 * 96), ("mlp.fc2", 17 * 96 * 48),
        ];
        Assert.Equal(
            [
                ("patch_embed.proj", 16 * 48 * 3 * 64),
                .. block.Select(static part => ($"blocks.0.{part.Path}", part.Steps)),
                .. block.Select(static part => ($"blocks.1.{part.Path}", part.Steps)),
                ("head", 48 * 10),
            ],
            coverage.Products.Select(static product => (product.Product.Path, product.Product.MultiplyAccumulates)));
        Assert.True(coverage.IsComplete);
        Assert.Equal(0, coverage.FloatShare);
        Assert.Equal(coverage.Products.Sum(static product => product.Product.MultiplyAccumulates), coverage.MultiplyAccumulates);
        var product = coverage.Products.Single(static product => product.Product.Path == "blocks.1.attn.av");
        Assert.Equal(("blocks.1.attn.av:left", "blocks.1.attn.av:right"), (product.Left!.Site.Id, product.Right!.Site.Id));
        Assert.EndsWith("[3, 17, 17] x [3, 17, 16], 13872 multiply-accumulates: sulq 4 bits tensor x uniform 4 bits tensor", product.ToString(), StringComparison.Ordinal);
        Assert.EndsWith(": model input x uniform 4 bits channel:0", coverage.Products[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Measure_SomeSitesInFloat_GivesTheirShare()
    {
        using var scope = NewDisposeScope();
        var model = MicroModels.Create();
        var images = MicroModels.Images(1);
        using var attachment = GraphAttachment.Attach(
            ModuleGraph.Trace(model, images),
            static site => site.Id is "blocks.0.mlp.fc1:input" or "blocks.1.attn.qk:right" or "head:weight" or "head:input" ? null : MicroModels.Choose(site));

        var coverage = QuantizationCoverage.Measure(attachment, images, ProductSource.Operators);

        Assert.Equal(["blocks.0.mlp.fc1", "blocks.1.attn.qk", "head"], coverage.Products.Where(static product => !product.IsQuantized).Select(static product => product.Product.Path));
        Assert.Equal((17 * 48 * 96) + (3 * 17 * 16 * 17) + (48 * 10), coverage.FloatMultiplyAccumulates);
        Assert.Equal((double)coverage.FloatMultiplyAccumulates / coverage.MultiplyAccumulates, coverage.FloatShare);
        Assert.EndsWith(": float x float", coverage.Products[^1].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Measure_Quantized_LeavesOutputHooksAndModesAsTheyWere()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = MicroModels.Create();
        var images = MicroModels.Images(2);
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, images), images);
        var hooks = Hooks.Of(model);
        var before = model.call(images);
        model.train();

        _ = QuantizationCoverage.Measure(attachment, images, ProductSource.Operators);

        Assert.True(model.training);
        model.eval();
        Assert.True(attachment.IsEnabled);
        Assert.Equal(hooks, Hooks.Of(model));
        TensorAssert.Identical(before, model.call(images));
    }

    [Theory]
    [InlineData("vit")]
    [InlineData("swin")]
    [InlineData("convolutions")]
    public void ModulesAlone_HooksAndOperators_CountTheSame(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        nn.Module<Tensor, Tensor> model = name switch
        {
            "vit" => MicroModels.Create(),
            "swin" => new SwinTransformer(new SwinTransformerOptions { ImageSize = 32, PatchSize = 2, WindowSize = 4, EmbedDim = 24, Depths = [2, 2], HeadCounts = [2, 4], ClassCount = 5 }),
            _ => Sequential(
                ("grouped", Conv2d(3, 6, 3, groups: 3, stride: 2)), ("up", ConvTranspose2d(6, 4, 3, stride: 2)), ("dilated", Conv2d(4, 5, 3, dilation: 2)), ("flat", Flatten(2)),
                ("line", Conv1d(5, 7, 4)), ("fc", Linear(726, 3, hasBias: false))),
        };
        model.eval();
        var images = MicroModels.Images(2);
        var graph = ModuleGraph.Trace(model, images, new TraceOptions { Ignore = name == "convolutions" ? ["up"] : [] });

        var byHooks = ModuleProducts.Record(graph, new SampleBatch(images)).ConvertAll(static recorded => recorded.Product);
        var byOperators = OperatorProducts.TryRecord(graph, new SampleBatch(images))?.ConvertAll(static recorded => recorded.Product);

        Assert.Equal(byOperators!.Select(static product => (product.Path, product.MultiplyAccumulates)), byHooks.Select(static product => (product.Path, product.MultiplyAccumulates)));

        // Operators see the axes before a matrix's two as one.
        static (long, long) Size(IReadOnlyList<long> shape) => (shape.Aggregate(1L, static (product, length) => product * length), shape[^1]);
        Assert.Equal(byOperators!.Select(static product => Size(product.RightShape)), byHooks.Select(static product => Size(product.RightShape)));
        Hooks.AssertNone(model);
    }

    public static TheoryData<string, long> Functions => new()
    {
        { "matmul", 4 * 6 * 8 * 6 },
        { "mm", 6 * 8 * 6 },
        { "bmm", 4 * 6 * 8 * 6 },
        { "baddbmm", 4 * 6 * 8 * 6 },
        { "addbmm", 4 * 6 * 8 * 6 },
        { "addmm", 6 * 8 * 6 },
        { "mv", 6 * 8 },
        { "dot", 8 },
        { "einsum", 4 * 6 * 8 * 6 },
        { "linear", 24 * 8 * 5 },
        { "conv2d", 2 * 6 * 6 * 4 * 9 },
        { "conv_transpose2d", 1 * 4 * 6 * 8 * 3 * 9 },
        { "attention", 2 * 4 * 6 * 6 * 8 },
        { "lstm", 4 * 6 * ((20 * 8) + (20 * 5)) },
    };

    [Theory]
    [MemberData(nameof(Functions))]
    public void Measure_Function_IsListedInFloatAtTheModuleThatRunsIt(string name, long steps)
    {
        using var scope = NewDisposeScope();
        var lstm = LSTM(8, 5);
        var inner = new Wired((_, x) => Function(name, x, lstm));
        var model = new Wired(static (graph, x) => graph.Call("head", graph.Call("inner", x)), ("inner", inner), ("head", Linear(8, 2)));
        var sample = Seeded.Normal(1, 4, 6, 8);
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, sample), MicroModels.Choose);

        var coverage = QuantizationCoverage.Measure(attachment, sample, ProductSource.Operators);

        Assert.Equal([("inner", steps, false), ("head", 4 * 6 * 8 * 2, true)], coverage.Products.Select(static product => (product.Product.Path, product.Product.MultiplyAccumulates, product.IsQuantized)));
        Assert.Equal(steps, coverage.FloatMultiplyAccumulates);
    }

    /// <summary>Nothing is listened to that others run, unless it is asked for.</summary>
    [Fact]
    public void Measure_ByDefault_ListsTheProductsOfModulesAlone()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (graph, x) => graph.Call("head", graph.Call("inner", x)), ("inner", new Wired(static (_, x) => matmul(x, x.transpose(1, 2)).matmul(x))), ("head", Linear(8, 2)));
        var sample = Seeded.Normal(1, 4, 6, 8);
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, sample), MicroModels.Choose);

        var coverage = QuantizationCoverage.Measure(attachment, sample);

        Assert.False(coverage.IsComplete);
        Assert.Equal(("head", 4 * 6 * 8 * 2), Assert.Single(coverage.Products.Select(static product => (product.Product.Path, (int)product.Product.MultiplyAccumulates))));
        Assert.Equal(3, QuantizationCoverage.Measure(attachment, sample, ProductSource.Operators).Products.Count);
    }

    [Fact]
    public void Measure_ProductModuleOfTwoProducts_CountsNeitherAsQuantized()
    {
        using var scope = NewDisposeScope();
        var model = new Wired(static (graph, x) => graph.Call("head", graph.Call("twice", x, x)), ("twice", new TwoProducts()), ("head", Linear(8, 2)));
        var sample = Seeded.Normal(1, 8, 8);
        var options = new TraceOptions { MatrixProducts = static (path, _) => path == "twice" };
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, sample, options), MicroModels.Choose);

        var coverage = QuantizationCoverage.Measure(attachment, sample, ProductSource.Operators);

        Assert.Equal([("twice", false), ("twice", false), ("head", true)], coverage.Products.Select(static product => (product.Product.Path, product.IsQuantized)));
    }

    [Fact]
    public async Task Measure_OthersMultiplyMeanwhile_CountsThisModelAlone()
    {
        using var scope = NewDisposeScope();
        var model = MicroModels.Create();
        var images = MicroModels.Images(1);
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, images), MicroModels.Choose);
        using var stop = new CancellationTokenSource();
        var others = Task.Run(() =>
        {
            using var inner = NewDisposeScope();
            var x = rand(16, 16);
            while (!stop.IsCancellationRequested)
            {
                using var y = x.mm(x);
            }
        });

        try
        {
            // Two threads may write libtorch's account into each other; what modules multiply is counted all the same.
            for (var i = 0; i < 8; i++)
            {
                Assert.Equal(14, QuantizationCoverage.Measure(attachment, images, ProductSource.Operators).Products.Count);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await others;
        }

        Assert.True(QuantizationCoverage.Measure(attachment, images, ProductSource.Operators).IsComplete);
    }

    [Fact]
    public void Measure_ModelThrows_StopsListening()
    {
        using var scope = NewDisposeScope();
        var fail = false;
        var model = new Wired((graph, x) => fail ? throw new NotSupportedException("no") : graph.Call("head", x), ("head", Linear(8, 2)));
        var sample = Seeded.Normal(1, 4, 8);
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, sample), MicroModels.Choose);
        fail = true;
        Assert.Throws<NotSupportedException>(() => QuantizationCoverage.Measure(attachment, sample, ProductSource.Operators));
        fail = false;

        var coverage = QuantizationCoverage.Measure(attachment, sample, ProductSource.Operators);

        Assert.True(coverage.IsComplete);
        Assert.Single(coverage.Products);
    }

    [Fact]
    public async Task TryStart_AnotherListenerAtWork_WaitsForItsEnd()
    {
        var first = OperatorTrace.TryStart()!;
        var second = Task.Run(static () =>
        {
            using var trace = OperatorTrace.TryStart();
            return trace is not null;
        });
        await Task.Delay(100);
        Assert.False(second.IsCompleted);

        first.Dispose();

        Assert.True(await second);
    }

    private static Tensor Function(string name, Tensor x, TorchSharp.Modules.LSTM lstm)
    {
        var y = name switch
        {
            "matmul" => x.matmul(x.transpose(1, 2)),
            "mm" => x[0].mm(x[0].t()),
            "bmm" => x.bmm(x.transpose(1, 2)),
            "baddbmm" => x.baddbmm(x.transpose(1, 2), zeros(4, 6, 6)),
            "addbmm" => addbmm(zeros(6, 6), x, x.transpose(1, 2), 1, 1),
            "addmm" => addmm(zeros(6, 6), x[0], x[0].t(), 1, 1),
            "mv" => x[0].mv(x[0][0]),
            "dot" => x[0][0].dot(x[0][0]),
            "einsum" => einsum("bij,bkj->bik", x, x),
            "linear" => functional.linear(x, ones(5, 8), ones(5)),
            "conv2d" => functional.conv2d(x.narrow(2, 0, 6).unsqueeze(0).narrow(1, 0, 4), ones(2, 4, 3, 3), padding: [1, 1]),
            "conv_transpose2d" => functional.conv_transpose2d(x.unsqueeze(0), ones(4, 3, 3, 3)),
            "attention" => functional.scaled_dot_product_attention(x.unsqueeze(1), x.unsqueeze(1), x.unsqueeze(1)),
            _ => lstm.call(x).Item1,
        };
        return x + (y.sum() * 0);
    }

    private sealed class TwoProducts : nn.Module<Tensor, Tensor, Tensor>
    {
        public TwoProducts()
            : base(nameof(TwoProducts))
        {
        }

        public override Tensor forward(Tensor input1, Tensor input2) => input1.mm(input2).mm(input2);
    }
}
