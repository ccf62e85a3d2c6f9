using IsVit.Core.Graph;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

/// <summary>Graphs that this library did not write: found, quantized, and left as they were.</summary>
public sealed class ForeignGraphTests
{
    public static TheoryData<string> Names => ["typed fields", "sequential", "nested lists", "declared product"];

    [Fact]
    public void Trace_TypedFields_FindsLayersAndTheSharedLayerNorm()
    {
        using var scope = NewDisposeScope();
        var (model, options) = Create("typed fields");

        var graph = ModuleGraph.Trace(model, MicroModels.Images(1), options);

        Assert.Equal(
            [
                "patches:input ModelInput", "patches:weight Weight", "q:input PostLayerNorm norm1", "q:weight Weight", "k:input PostLayerNorm norm1", "k:weight Weight",
                "v:input PostLayerNorm norm1", "v:weight Weight", "o:input Other", "o:weight Weight", "up:input PostLayerNorm norm2", "up:weight Weight",
                "down:input Other", "down:weight Weight", "classifier:input Other", "classifier:weight Weight",
            ],
            Describe(graph));
        Assert.Equal(["patches", "q", "k", "v", "o", "up", "down", "classifier"], graph.Units.Select(static unit => unit.Path));
    }

    [Fact]
    public void Trace_Sequential_SeesThroughDropoutAndFlatten()
    {
        using var scope = NewDisposeScope();
        var (model, options) = Create("sequential");

        var graph = ModuleGraph.Trace(model, MicroModels.Images(1), options);

        Assert.Equal(
            [
                "patch:input ModelInput", "patch:weight Weight", "body.fc1:input PostLayerNorm norm", "body.fc1:weight Weight",
                "body.fc2:input PostGelu body.act", "body.fc2:weight Weight",
            ],
            Describe(graph));
        Assert.Equal(["patch", "body.fc1", "body.fc2"], graph.Units.Select(static unit => unit.Path));
    }

    [Fact]
    public void Trace_NestedLists_FindsSoftmaxOutputsWhereTheyRunAndEveryBlockAsAUnit()
    {
        using var scope = NewDisposeScope();
        var (model, options) = Create("nested lists");

        var graph = ModuleGraph.Trace(model, MicroModels.Images(1), options);

        string[] block =
        [
            "qk:input PostLayerNorm #.norm", "qk:weight Weight", "softmax:output PostSoftmax #.softmax", "value:input PostLayerNorm #.norm", "value:weight Weight",
            "mlp.up:input PostLayerNorm #.mlp.norm", "mlp.up:weight Weight", "mlp.down:input PostGelu #.mlp.act", "mlp.down:weight Weight",
        ];
        string[] paths = ["stages.0.0", "stages.0.1", "stages.1.0"];
        Assert.Equal(
            ["embed:input ModelInput", "embed:weight Weight", .. paths.SelectMany(path => block.Select(line => $"{path}.{line.Replace("#", path, StringComparison.Ordinal)}")), "head:input Other", "head:weight Weight"],
            Describe(graph));
        Assert.Equal(["embed", .. paths, "head"], graph.Units.Select(static unit => unit.Path));
    }

    [Fact]
    public void Trace_DeclaredProduct_HasBothOperands()
    {
        using var scope = NewDisposeScope();
        var (model, options) = Create("declared product");

        var graph = ModuleGraph.Trace(model, MicroModels.Images(1), options);

        Assert.Equal(
            [
                "fc:input PostLayerNorm norm", "fc:weight Weight", "scores:left Other", "scores:right Other", "mix:left PostSoftmax softmax", "mix:right Other",
                "head:input Other", "head:weight Weight",
            ],
            Describe(graph));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Attach_QuantizeAndDispose_LeavesTheGraphAsItWas(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (model, options) = Create(name);
        var images = MicroModels.Images(3);
        var parameters = model.named_parameters().ToList();
        var values = parameters.Select(static entry => entry.parameter.detach().clone()).ToList();
        var before = model.call(images);

        var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, images, options), images);
        Assert.All(attachment.Bindings, static binding => Assert.Equal(SiteState.Quantized, binding.State));
        Assert.All(attachment.Bindings, static binding => Assert.True(binding.Quantizer.IsCalibrated, binding.Site.Id));
        var quantized = model.call(images);
        Assert.True((quantized - before).abs().max().item<float>() > 1e-3, "quantizing changes something.");
        using (attachment.Suspend())
        {
            TensorAssert.Identical(before, model.call(images));
        }

        TensorAssert.Identical(quantized, model.call(images));
        attachment.Dispose();

        TensorAssert.Identical(before, model.call(images));
        Hooks.AssertNone(model);
        Assert.Equal(parameters.Select(static entry => entry.name), model.named_parameters().Select(static entry => entry.name));
        Assert.Equal(parameters.Select(static entry => entry.parameter), model.named_parameters().Select(static entry => entry.parameter), ReferenceEqualityComparer.Instance);
        Assert.All(parameters.Zip(values), static pair => TensorAssert.Identical(pair.Second, pair.First.parameter.detach()));
        Assert.All(model.modules().Where(SiteWeights.HasWeight), static module => Assert.Contains(
            module switch { Linear linear => linear.weight, Conv2d convolution => convolution.weight, _ => null }, module.parameters(), ReferenceEqualityComparer.Instance));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Attach_EverySite_ChangesTheOutputByItself(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (model, options) = Create(name);
        var images = MicroModels.Images(3);
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, images, options), images);
        foreach (var binding in attachment.Bindings)
        {
            binding.State = SiteState.Off;
        }

        var exact = model.call(images);
        foreach (var binding in attachment.Bindings)
        {
            binding.State = SiteState.Quantized;
            Assert.True((model.call(images) - exact).abs().max().item<float>() > 0, $"'{binding.Site.Id}' does nothing.");
            binding.State = SiteState.Off;
        }

        TensorAssert.Identical(exact, model.call(images));
    }

    [Theory]
    [InlineData("typed fields")]
    [InlineData("nested lists")]
    public void Call_QuantizedWithoutAScope_LeavesOnlyItsOutput(string name)
    {
        var (model, options) = Create(name);
        using var owned = model;
        using var images = MicroModels.Images(2);
        using var noGrad = no_grad();
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, images, options), images);

        LiveTensors.AssertNoneLeftBy(() => model.call(images).Dispose());
    }

    private static IEnumerable<string> Describe(ModuleGraph graph) => graph.Sites.Select(static site => site.Producer is null ? $"{site.Id} {site.Role}" : $"{site.Id} {site.Role} {site.Producer}");

    private static (nn.Module<Tensor, Tensor> Model, TraceOptions Options) Create(string name)
    {
        var options = new TraceOptions();
        nn.Module<Tensor, Tensor> model;
        switch (name)
        {
            case "typed fields":
                model = new TypedFieldsModel();
                break;
            case "sequential":
                model = nn.Sequential(
                    ("patch", nn.Conv2d(3, 8, 8, 8)),
                    ("flat", nn.Flatten()),
                    ("norm", nn.LayerNorm(128)),
                    ("drop", nn.Dropout(0.5)),
                    ("body", nn.Sequential(("fc1", nn.Linear(128, 32)), ("act", nn.GELU()), ("same", nn.Identity()), ("fc2", nn.Linear(32, 5)))));
                break;
            case "nested lists":
                model = new NestedListsModel();
                break;
            default:
                options = options with { MatrixProducts = static (_, module) => module is ScaledProduct };
                model = new Wired(
                    static (graph, x) =>
                    {
                        var n = graph.Call("fc", graph.Call("norm", x.reshape(x.shape[0], 16, 192)));
                        var attention = graph.Call("softmax", graph.Call("scores", n, n.transpose(1, 2)));
                        return graph.Call("head", graph.Call("mix", attention, n).mean([1]));
                    },
                    ("norm", nn.LayerNorm(192)),
                    ("fc", nn.Linear(192, 24)),
                    ("scores", new ScaledProduct()),
                    ("softmax", nn.Softmax(-1)),
                    ("mix", new ScaledProduct()),
                    ("head", nn.Linear(24, 5)));
                break;
        }

        MicroModels.Randomize(model);
        model.eval();
        return (model, options);
    }
}
